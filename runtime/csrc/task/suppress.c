/* Non-maximum suppression: of boxes that overlap, the best one stays. */
#include <string.h>

#include "task.h"

enum { PASSES = 3, DIGITS_MOST = 1 << 12, LISTS = 64 };

eq_status eq_boxes_make(eq_boxes *boxes, int32_t capacity, eq_memory_block **memory, eq_error *error) {
    const size_t room = (size_t)capacity + 1;
    *boxes = (eq_boxes){.capacity = capacity,
                        .found = eq_memory_take(memory, room * sizeof *boxes->found),
                        .kept = eq_memory_take(memory, EQ_ITEMS_MOST * sizeof *boxes->kept),
                        .keys = eq_memory_take(memory, 2 * room * sizeof *boxes->keys)};
    const bool has_memory = boxes->found != NULL && boxes->kept != NULL && boxes->keys != NULL;
    return has_memory ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for %d boxes", (int)capacity);
}

/* The bits of a positive float rise with it. Those of scores differ in the lower 24 as a rule, which are two digits of 12 bits; else
 * there are three of 11. The last digit comes first, and equal scores stay in their order. Returns the sorted keys, the best score
 * first: its lower half is its place. */
static const uint64_t *sort(eq_boxes *boxes) {
    uint32_t counts[PASSES][DIGITS_MOST], most = 0, least = UINT32_MAX;
    const int32_t count = boxes->count;
    uint64_t *from = boxes->keys, *to = boxes->keys + boxes->capacity + 1;
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &boxes->found[i].score, sizeof bits);
        most = bits > most ? bits : most;
        least = bits < least ? bits : least;
    }
    const bool is_narrow = count == 0 || most - least < 1U << 24;
    const int32_t passes = is_narrow ? 2 : PASSES, digit_bits = is_narrow ? 12 : 11;
    const uint32_t mask = (1U << digit_bits) - 1;
    memset(counts, 0, (size_t)passes * sizeof counts[0]);
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &boxes->found[i].score, sizeof bits);
        bits = most - bits;
        from[i] = (uint64_t)bits << 32 | (uint32_t)i;
        counts[0][bits & mask]++;
        counts[1][bits >> digit_bits & mask]++;
        if (!is_narrow) {
            counts[2][bits >> 2 * digit_bits]++;
        }
    }
    for (int32_t p = 0; p < passes; p++) {
        uint32_t place = 0;
        for (uint32_t d = 0; d <= mask; d++) {
            const uint32_t many = counts[p][d];
            counts[p][d] = place;
            place += many;
        }
        const int32_t shift = 32 + p * digit_bits;
        for (int32_t i = 0; i < count; i++) {
            const uint64_t key = from[i];
            to[counts[p][key >> shift & mask]++] = key;
        }
        uint64_t *swapped = from;
        from = to;
        to = swapped;
    }
    return from;
}

/* Whether the area that both cover is more than `overlap` of what they cover together. */
static inline bool overlaps(const eq_kept_box *a, const eq_box *b, float overlap) {
    const float left = a->left > b->left ? a->left : b->left, right = a->right < b->right ? a->right : b->right;
    const float top = a->top > b->top ? a->top : b->top, bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
    if (!(left < right && top < bottom)) {
        return false;
    }
    const float common = (right - left) * (bottom - top), area = (b->right - b->left) * (b->bottom - b->top);
    return common > overlap * (a->area + area - common);
}

int32_t eq_suppress(eq_boxes *boxes, float overlap, bool is_agnostic, int32_t most) {
    const uint64_t *sorted = sort(boxes);
    const eq_kept_box *lists[LISTS] = {NULL}; /* of kept boxes, by their classes */
    int32_t kept = 0;
    for (int32_t i = 0; i < boxes->count && kept < most; i++) {
        const int32_t place = (int32_t)(uint32_t)sorted[i];
        const eq_box *box = &boxes->found[place];
        const int32_t class = is_agnostic ? 0 : box->class;
        const eq_kept_box **list = &lists[class & (LISTS - 1)], *better = *list;
        while (better != NULL && (better->class != class || !overlaps(better, box, overlap))) {
            better = better->next;
        }
        if (better == NULL) {
            eq_kept_box *own = &boxes->kept[kept++];
            const float area = (box->right - box->left) * (box->bottom - box->top);
            *own = (eq_kept_box){box->left, box->top, box->right, box->bottom, area, class, place, *list};
            *list = own;
        }
    }
    return kept;
}
