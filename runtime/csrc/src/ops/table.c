#include "table.h"

#include "prepare.h"

static const eq_operator_type types[] = { /* in the order of their codes */
    {3, "CONV_2D", eq_prepare_conv_2d},
    {4, "DEPTHWISE_CONV_2D", eq_prepare_depthwise_conv_2d},
    {9, "FULLY_CONNECTED", eq_prepare_fully_connected},
};

const eq_operator_type *eq_operator_type_of(int32_t code) {
    for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
        if (types[i].code == code) {
            return &types[i];
        }
    }
    return NULL;
}
