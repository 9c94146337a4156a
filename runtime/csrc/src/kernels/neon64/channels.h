/* Depthwise convolutions go over groups of 16 channels: what is common to them.
 *
 * Packed, for each group: bias (16), scale (16), weights (height, width, 16), 16 bytes of which one is not zero if a channel
 * has two weights of -128. */
#ifndef EQ_NEON64_CHANNELS_H
#define EQ_NEON64_CHANNELS_H

#include "requantize.h"

enum { EQ_GROUP_HEAD_BYTES = 128 };

EQ_INLINE size_t eq_depthwise_group_bytes(int32_t height, int32_t width) {
    return EQ_GROUP_HEAD_BYTES + (size_t)height * (size_t)width * 16 + 16;
}

typedef struct eq_channel_group {
    int32x4_t bias[4];
    float32x4_t scale[4];
} eq_channel_group;

EQ_INLINE int32_t eq_groups_of(int32_t channels) {
    return channels / 16 + (channels % 16 != 0);
}

/* The last group begins at channels - 16 and does some channels again, so that only a layer of fewer than 16 has a part. */
EQ_INLINE int32_t eq_first_channel(int32_t group, int32_t channels) {
    return group * 16 + 16 <= channels || channels < 16 ? group * 16 : channels - 16;
}

EQ_INLINE void eq_pack_group_head(const eq_depthwise_weights *w, int32_t first, int32_t count, int8_t *to) {
    memcpy(to, w->bias + first, (size_t)count * 4);
    memcpy(to + 64, w->scale + first, (size_t)count * 4);
}

EQ_INLINE eq_channel_group eq_load_group(const int8_t *packed, const eq_output_stage *stage) {
    eq_channel_group group;
    EQ_UNROLL
    for (int i = 0; i < 4; i++) {
        group.bias[i] = vaddq_s32(vld1q_s32((const void *)(packed + 16 * i)), stage->offset);
        group.scale[i] = vld1q_f32((const void *)(packed + 64 + 16 * i));
    }
    return group;
}

EQ_INLINE void eq_store_channels(const eq_output_stage *stage, const eq_channel_group *group, const int32x4_t sums[4],
                                 int8_t *out, int32_t count, const bool small, const bool plain) {
    const float32x4_t *scale = group->scale;
    const int16x8_t low = small ? eq_scale_small(stage, sums[0], sums[1], scale[0], scale[1])
                                : eq_scale_any(sums[0], sums[1], scale[0], scale[1]);
    const int16x8_t high = small ? eq_scale_small(stage, sums[2], sums[3], scale[2], scale[3])
                                 : eq_scale_any(sums[2], sums[3], scale[2], scale[3]);
    const int8x16_t values = eq_to_outputs(stage, low, high, plain);
    if (count == 16) {
        vst1q_s8(out, values);
    } else {
        int8_t part[16];
        vst1q_s8(part, values);
        memcpy(out, part, (size_t)count);
    }
}

#endif
