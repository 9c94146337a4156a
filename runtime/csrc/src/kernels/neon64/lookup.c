/* A table of 256 bytes fills half the registers: TBL looks up the first 64, TBX leaves alone what is beyond the next. */
#include "kernels/neon/elements.h"
#include "set.h"

typedef struct byte_table {
    int8x16x4_t quarters[4]; /* of in + 128 */
} byte_table;

EQ_INLINE int8x16_t lookup16(const byte_table *t, int8x16_t in) {
    const uint8x16_t quarter = vdupq_n_u8(64);
    uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(in), vdupq_n_u8(128));
    int8x16_t values = vqtbl4q_s8(t->quarters[0], index);
    EQ_UNROLL
    for (int i = 1; i < 4; i++) {
        index = vsubq_u8(index, quarter);
        values = vqtbx4q_s8(values, t->quarters[i], index);
    }
    return values;
}

void eq_neon64_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n) {
    byte_table t;
    EQ_UNROLL
    for (int i = 0; i < 16; i++) {
        t.quarters[i / 4].val[i % 4] = vld1q_s8(table + 16 * i);
    }
    for (; n >= 16; n -= 16, in += 16, out += 16) {
        vst1q_s8(out, lookup16(&t, vld1q_s8(in)));
    }
    if (n) {
        eq_store_part(out, lookup16(&t, eq_load_part(in, n)), n);
    }
}
