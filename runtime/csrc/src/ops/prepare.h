/* The prepare functions of table.c, by family. */
#ifndef EQ_PREPARE_H
#define EQ_PREPARE_H

#include "plan/plan.h"

/* matrix products */
eq_status eq_prepare_conv_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_depthwise_conv_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_fully_connected(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_transpose_conv(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_batch_matmul(eq_plan *plan, const eq_operator *op);

/* elementwise */
eq_status eq_prepare_binary(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_unary(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_softmax(eq_plan *plan, const eq_operator *op); /* and LOG_SOFTMAX */
eq_status eq_prepare_l2_normalization(eq_plan *plan, const eq_operator *op);

/* pooling, reductions, data movement, edges */
eq_status eq_prepare_average_pool_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_max_pool_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_reduce(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_concatenation(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_pack(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_split(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_split_v(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_unpack(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_slice(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_strided_slice(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_gather(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_pad(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_padv2(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_mirror_pad(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_reshape(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_squeeze(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_expand_dims(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_shape(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_transpose(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_reverse_v2(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_tile(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_broadcast_to(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_resize_bilinear(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_resize_nearest_neighbor(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_depth_to_space(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_space_to_depth(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_space_to_batch_nd(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_batch_to_space_nd(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_arg(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_quantize(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_dequantize(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_cast(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_var_handle(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_read_variable(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_assign_variable(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_call_once(eq_plan *plan, const eq_operator *op);

#endif
