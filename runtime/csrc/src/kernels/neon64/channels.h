/* Depthwise convolutions of AArch64: where the channels of a call are packed,
 * and how their sums become outputs.
 *
 * Packed, for each group of 16 channels: bias (16), scale (16), weights
 * (height, width, 16), 16 bytes of which one is not zero if a channel has two
 * weights of -128. A call computes 16 or 8 channels, a part of a group or all
 * of it. */
#ifndef EQ_NEON64_CHANNELS_H
#define EQ_NEON64_CHANNELS_H

#include "requantize.h"

enum { EQ_GROUP_HEAD_BYTES = 128 };

EQ_INLINE size_t eq_depthwise_group_bytes(int32_t height, int32_t width) {
    return EQ_GROUP_HEAD_BYTES + (size_t)height * (size_t)width * 16 + 16;
}

EQ_INLINE int32_t eq_groups_of(int32_t channels) {
    return channels / 16 + (channels % 16 != 0);
}

/* The last group begins at channels - 16 and has some channels again, so that
 * only a layer of fewer than 16 has a part. */
EQ_INLINE int32_t eq_first_channel(int32_t group, int32_t channels) {
    return group * 16 + 16 <= channels || channels < 16 ? group * 16 : channels - 16;
}

/* The channels of one call: 16, or (not `wide`) 8, of which `count` are the
 * layer's. */
typedef struct eq_channels {
    const int8_t *packed, *weights; /* the group, and the channels' weights in it,
                                     taps 16 bytes apart */
    int32_t first;                  /* channel of the layer */
    int32_t lane;                   /* of the group */
    int32_t count;
    bool wide, in_pairs; /* in_pairs: 16 bits hold two products */
} eq_channels;

/* Channels `first` to first + 15 or + 7. Those that cross the end of a whole
 * group are in the last one. */
EQ_INLINE eq_channels eq_channels_at(const eq_depthwise *d, int32_t first, const bool wide) {
    const int32_t lanes = wide ? 16 : 8, whole = d->channels / 16, groups = eq_groups_of(d->channels);
    const bool is_whole = first < 16 * whole && first % 16 + lanes <= 16;
    const int32_t group = is_whole ? first / 16 : groups - 1, lane = first - eq_first_channel(group, d->channels);
    const size_t bytes = eq_depthwise_group_bytes(d->height, d->width);
    const int8_t *packed = (const int8_t *)d->packed + (size_t)group * bytes;
    return (eq_channels){
        .packed = packed,
        .weights = packed + EQ_GROUP_HEAD_BYTES + lane,
        .first = first,
        .lane = lane,
        .count = d->channels < lanes ? d->channels : lanes,
        .wide = wide,
        .in_pairs = !packed[bytes - 16],
    };
}

/* The eight channels from `first` on, or as many before the last. */
EQ_INLINE eq_channels eq_eight_channels(const eq_depthwise *d, int32_t first) {
    const int32_t last = d->channels > 8 ? d->channels - 8 : 0;
    return eq_channels_at(d, first < last ? first : last, false);
}

typedef struct eq_channel_scale { /* the second half of each where `wide` */
    int32x4_t bias[4];
    float32x4_t scale[4];
} eq_channel_scale;

EQ_INLINE eq_channel_scale eq_load_scale(const eq_channels *c, const bool wide) {
    eq_channel_scale s;
    const int8_t *head = c->packed + 4 * c->lane;
    EQ_UNROLL
    for (int i = 0; i < (wide ? 4 : 2); i++) {
        s.bias[i] = vld1q_s32((const void *)(head + 16 * i));
        s.scale[i] = vld1q_f32((const void *)(head + 64 + 16 * i));
    }
    return s;
}

EQ_INLINE int16x8_t eq_scale_eight(const eq_output_stage *stage, const int32x4_t sums[2], const float32x4_t scale[2],
                                   const bool small) {
    return small ? eq_scale_small(stage, sums[0], sums[1], scale[0], scale[1])
                 : eq_scale_any(sums[0], sums[1], scale[0], scale[1]);
}

/* Fewer than eight. */
EQ_INLINE void eq_store_some(int8_t *out, int8x8_t values, int32_t count) {
    uint64_t bits = vget_lane_u64(vreinterpret_u64_s8(values), 0);
    for (int32_t bytes = 4; bytes > 0; bytes /= 2) {
        if (count & bytes) {
            memcpy(out, &bits, (size_t)bytes);
            out += bytes, bits >>= 8 * bytes;
        }
    }
}

EQ_INLINE void eq_store_channels(const eq_output_stage *stage, const eq_channel_scale *s, const int32x4_t *sums, int8_t *out,
                                 int32_t count, const bool wide, const bool small, const bool plain) {
    const int16x8_t low = eq_scale_eight(stage, sums, s->scale, small);
    if (wide) {
        vst1q_s8(out, eq_to_outputs(stage, low, eq_scale_eight(stage, sums + 2, s->scale + 2, small), plain));
        return;
    }
    int8x8_t values = vqmovn_s16(plain ? low : vqaddq_s16(low, stage->zero_point));
    values = plain ? values : vmin_s8(vmax_s8(values, stage->min), stage->max);
    if (count == 8) {
        vst1_s8(out, values);
    } else {
        eq_store_some(out, values, count);
    }
}

#endif
