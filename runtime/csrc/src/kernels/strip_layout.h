/* How the interleaved columns of a depthwise strip lie: part of the AVX2 and AVX-512 kernels, which include this after they have
 * defined `strip` (depthwise, groups, slot_column, step, tap, most) and SLOTS, the columns that a strip has room for. */
static ptrdiff_t greatest_common_divisor(ptrdiff_t a, ptrdiff_t b) {
    return b ? greatest_common_divisor(b, a % b) : a;
}

/* Interleaved columns for n adjacent outputs. */
static int64_t slots_for(const strip *s, int64_t n) {
    return (n - 1) * s->step + (int64_t)(s->depthwise->width - 1) * s->tap + 1;
}

/* How interleaved columns lie, and how many outputs they serve at once: the same for all blocks and rows. */
static void lay_out(strip *s) {
    const eq_depthwise *d = s->depthwise;
    const int32_t slots = SLOTS / s->groups;
    s->slot_column = greatest_common_divisor(d->in_column, d->tap_column);
    s->step = (int32_t)(d->in_column / s->slot_column);
    s->tap = (int32_t)(d->tap_column / s->slot_column);
    if (slots_for(s, 1) <= slots) {
        s->most = (int32_t)((slots - slots_for(s, 1)) / s->step + 1);
    } else { /* a wide dilation: one output at a time, without the columns between its taps */
        s->slot_column = d->tap_column;
        s->step = s->tap = 1;
        s->most = 1;
    }
}
