/* Sums of depthwise 3x3 kernels for two rows of outputs. Of each input column the bytes of rows 0 and 1, of 2 and 3, and with stride 2
 * of row 4 become words of two int16, once for all outputs that read them. With (w0, w1) and (w1, w2) of a kernel's column in
 * registers, each sum takes a column by two instructions: SMLAD adds two products, SMLABT and SMLATB one of halves. */
#ifndef EQ_ARMV6_DEPTHWISE_3X3_H
#define EQ_ARMV6_DEPTHWISE_3X3_H

#include "kernels/inline.h"
#include "media.h"

enum { TALL_COLUMNS = 16, TALL_INPUTS = 2 * TALL_COLUMNS + 1 };

/* The assembly loads it with one LDM. */
typedef struct tall_channel {
    int16x2_t taps[3][2]; /* of each column of the kernel: (w0, w1), (w1, w2) */
    int32_t bias;
} tall_channel;

/* A channel's words: of each input column 2 with stride 1, and with stride 2 3 and one that is left free. */
typedef uint32_t tall_words[4 * TALL_INPUTS];

/* Two rows of four channels: words[channel][at] */
EQ_INLINE void put_rows(uint32_t upper, uint32_t lower, tall_words *words, int32_t at) {
    const uint32_t first = (upper & 0xffff) | lower << 16, last = (lower & 0xffff0000) | upper >> 16; /* PKHBT, PKHTB */
    words[0][at] = (uint32_t)even_bytes(first), words[1][at] = (uint32_t)odd_bytes(first);
    words[2][at] = (uint32_t)even_bytes(last), words[3][at] = (uint32_t)odd_bytes(last);
}

static void put_columns(int32_t stride, const int8_t *in, ptrdiff_t row, ptrdiff_t column, tall_words *words, int32_t columns) {
    const int8_t *third = in + 2 * row;
    if (stride == 1) {
        for (int32_t i = 0; i < 2 * columns; i += 2, in += column, third += column) {
            put_rows(load_bytes(in), load_bytes(in + row), words, i);
            put_rows(load_bytes(third), load_bytes(third + row), words, i + 1);
        }
        return;
    }
    for (int32_t i = 0; i < 4 * columns; i += 4, in += column, third += column) {
        put_rows(load_bytes(in), load_bytes(in + row), words, i);
        put_rows(load_bytes(third), load_bytes(third + row), words, i + 1);
        put_rows(load_bytes(third + 2 * row), 0, words, i + 2);
    }
}

/* A column of the kernel whose weights are in registers A and B; r2 and r3 have rows 0 to 3. Sums begin with ACC0 and ACC1. */
#define COLUMN_1(A, B, ACC0, ACC1) \
    "smlad r0, r2, " A ", " ACC0   \
    "\n\t"                         \
    "smlatb r1, r2, " A ", " ACC1  \
    "\n\t"                         \
    "smlabt r0, r3, " B            \
    ", r0\n\t"                     \
    "smlad r1, r3, " B ", r1\n\t"

/* With stride 2, row 4 at AT. */
#define COLUMN_2(A, B, ACC0, ACC1, AT) \
    "smlad r0, r2, " A ", " ACC0       \
    "\n\t"                             \
    "ldr r2, " AT                      \
    "\n\t"                             \
    "smlad r1, r3, " A ", " ACC1       \
    "\n\t"                             \
    "smlabt r0, r3, " B                \
    ", r0\n\t"                         \
    "smlabt r1, r2, " B ", r1\n\t"

#define SUM_TALL(BODY)                                               \
    register const tall_channel *channel_at __asm__("r0") = channel; \
    register const uint32_t *words_at __asm__("r1") = words;         \
    register int32_t *acc_at __asm__("r12") = acc;                   \
    register const int32_t *end_at __asm__("lr") = end;              \
    __asm__ volatile(                                                \
        "str r11, [sp, #-8]!\n\t" /* the frame pointer */            \
        "mov r11, r1\n\t"                                            \
        "ldmia r0, {r4, r5, r6, r7, r8, r9, r10}\n\t"                \
        "0:\n\t" BODY                                                \
        "str r1, [r12, #16]\n\t"                                     \
        "str r0, [r12], #32\n\t"                                     \
        "cmp r12, lr\n\t"                                            \
        "bne 0b\n\t"                                                 \
        "ldr r11, [sp], #8"                                          \
        : "+r"(channel_at), "+r"(words_at), "+r"(acc_at)             \
        : "r"(end_at)                                                \
        : "cc", "memory", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10")

/* acc[8 * i] and acc[8 * i + 4] are output i of the upper and of the lower row. */
static void sum_channel_1(const tall_channel *channel, const uint32_t *words, int32_t *acc, const int32_t *end) {
    SUM_TALL("ldrd r2, r3, [r11], #8\n\t" COLUMN_1("r4", "r5", "r10", "r10") "ldrd r2, r3, [r11]\n\t" COLUMN_1(
        "r6", "r7", "r0", "r1") "ldrd r2, r3, [r11, #8]\n\t" COLUMN_1("r8", "r9", "r0", "r1"));
}

static void sum_channel_2(const tall_channel *channel, const uint32_t *words, int32_t *acc, const int32_t *end) {
    SUM_TALL(
        "ldrd r2, r3, [r11], #32\n\t" COLUMN_2("r4", "r5", "r10", "r10", "[r11, #-24]") "ldrd r2, r3, [r11, #-16]\n\t" COLUMN_2(
            "r6", "r7", "r0", "r1", "[r11, #-8]") "ldrd r2, r3, [r11]\n\t" COLUMN_2("r8", "r9", "r0", "r1", "[r11, #8]"));
}

/* Four channels of `columns` outputs in each of two rows, which alternate in acc; `in` is the window of the first. */
static void sum_tall(int32_t stride, const tall_channel channels[4], const int8_t *in, ptrdiff_t row, ptrdiff_t column,
                     int32_t (*acc)[4], int32_t columns) {
    _Alignas(8) tall_words words[4];
    put_columns(stride, in, row, column, words, stride * (columns - 1) + 3);
    for (int32_t c = 0; c < 4; c++) {
        if (stride == 1) {
            sum_channel_1(&channels[c], words[c], &acc[0][c], &acc[2 * columns][c]);
        } else {
            sum_channel_2(&channels[c], words[c], &acc[0][c], &acc[2 * columns][c]);
        }
    }
}

#endif
