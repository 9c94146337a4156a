"""How each ATen operator is treated: what has weights, what keeps the grid of its input, what prescribes its own."""

import operator

import torch

aten = torch.ops.aten

LAYERS = {aten.conv1d.default, aten.conv1d.padding, aten.conv2d.default, aten.conv2d.padding, aten.linear.default}
"""Operators with weights (output channels first) that get integer arithmetic: (input, weight, bias, ...)."""

GROUPS_ARGUMENT = 6
"""Where a convolution's arguments have its number of groups."""

REFUSED = {
    aten.lstm.input: "a recurrent layer",
    aten.gru.input: "a recurrent layer",
    aten.rnn_tanh.input: "a recurrent layer",
    aten.rnn_relu.input: "a recurrent layer",
    aten.conv_transpose1d.default: "a transposed convolution",
    aten.conv_transpose2d.input: "a transposed convolution",
    aten.conv3d.default: "a 3-d convolution",
}
"""Operators with weights whose int8 form is not modelled here."""

CLAMPS = {aten.relu.default, aten.relu_.default, aten.relu6.default, aten.relu6_.default}
"""Activation functions that become part of the operator before them."""

BOUNDED_CLAMPS = {
    aten.hardtanh.default, aten.hardtanh_.default, aten.clamp.default, aten.clamp_.default, aten.clamp_min.default,
}  # fmt: skip
"""The same, if their lower bound is 0."""

DROPOUTS = {aten.dropout.default, aten.dropout_.default, aten.feature_dropout.default}

KEEP_GRID = {
    aten.flatten.using_ints, aten.view.default, aten.reshape.default, aten.unflatten.int, aten.permute.default,
    aten.transpose.int, aten.t.default, aten.squeeze.default, aten.squeeze.dim, aten.squeeze.dims,
    aten.unsqueeze.default, aten.expand.default, aten.contiguous.default, aten.clone.default, aten.alias.default,
    aten.slice.Tensor, aten.select.int, aten.narrow.default, aten.split.Tensor, aten.split_with_sizes.default,
    aten.chunk.default, aten.unbind.int, aten.max_pool1d.default, aten.max_pool2d.default, aten.amax.default,
    aten.amin.default, aten.upsample_nearest2d.vec, aten.pad.default, aten.constant_pad_nd.default,
    aten.pixel_shuffle.default, aten.repeat.default, operator.getitem, *DROPOUTS,
}  # fmt: skip
"""Operators that only move values about (or pad with zeros): their output is on the grid of their input already."""

SHARE_GRID = {
    aten.avg_pool1d.default, aten.avg_pool2d.default, aten.adaptive_avg_pool1d.default,
    aten.adaptive_avg_pool2d.default, aten.upsample_bilinear2d.vec,
}  # fmt: skip
"""Operators whose output LiteRT keeps on the grid of the input, but that round to it anew."""

JOIN_GRIDS = {aten.cat.default, aten.stack.default}
"""Operators whose inputs and output all share one grid; the inputs are a list."""

FIXED = {
    aten.sigmoid.default: (0.0, 255 / 256),
    aten.softmax.int: (0.0, 255 / 256),
    aten.tanh.default: (-1.0, 127 / 128),
}
"""Ranges that LiteRT prescribes: steps of 1/256, and of 1/128 for tanh."""
