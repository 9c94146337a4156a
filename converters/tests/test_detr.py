"""DETR with a ResNet-50 backbone, built from transformers' configuration with random weights: nothing is downloaded."""

import copy

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from edgequant_converters import downcast, footprint, quantize_linears_  # noqa: E402 (torch may be missing)

pytestmark = pytest.mark.torch_export

EXCLUDE = ("0", "1", "2", "class_labels_classifier")
"""The three layers of the box predictor, by their own names, and the classifier."""

HALF_TOLERANCE, INT8_TOLERANCE = 0.002, 0.015
"""Of a box coordinate, which runs from 0 to 1 across the image; measured: 0.0006 and 0.0076."""


@pytest.fixture(scope="module")
def detr():
    torch.manual_seed(0)
    backbone = transformers.ResNetConfig(out_features=["stage1", "stage2", "stage3", "stage4"])
    config = transformers.DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, num_labels=91
    )
    model = transformers.DetrForObjectDetection(config).eval()
    # transformers starts with weights so small that all images and queries give one box: take those of the DETR paper.
    for name, parameter in model.named_parameters():
        if name.endswith("query_position_embeddings.weight"):
            torch.nn.init.normal_(parameter)
        elif parameter.dim() == 4:
            torch.nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")
        elif parameter.dim() == 2:
            torch.nn.init.xavier_uniform_(parameter)
    return model


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(1))


def outputs(model, images):
    with torch.no_grad():
        found = model(pixel_values=images.to(model.dtype))
    return found.pred_boxes.float(), found.logits.float()


@pytest.fixture(scope="module")
def reference(detr, images):
    return outputs(detr, images)


def sqnr_db(reference, test):
    return float(10 * torch.log10(reference.square().sum() / (reference - test).square().sum()))


def test_half_precision_and_w8a16(detr, images, reference):
    boxes, logits = reference
    assert footprint(detr) == 166_524_032
    half = downcast(detr, "float16")
    assert footprint(half) == 83_262_016
    half_boxes, half_logits = outputs(half, images)
    assert (half_boxes - boxes).abs().max() < HALF_TOLERANCE
    assert sqnr_db(logits, half_logits) > 50

    change = quantize_linears_(half, exclude=EXCLUDE)
    # 17,301,504 weights lose a byte each, and 46,080 rows gain a float16 scale.
    assert (change.before, change.after) == (83_262_016, 83_262_016 - 17_301_504 + 46_080 * 2)
    assert (change.after, footprint(half)) == (66_052_672, 66_052_672)
    int8_boxes, int8_logits = outputs(half, images)
    assert (int8_boxes - boxes).abs().max() < INT8_TOLERANCE
    assert sqnr_db(logits, int8_logits) > 30
    assert all(type(layer) is torch.nn.Linear for layer in half.bbox_predictor.layers)
    assert type(half.class_labels_classifier) is torch.nn.Linear


def test_w8_in_float32(detr, images, reference):
    model = copy.deepcopy(detr)
    change = quantize_linears_(model, exclude=EXCLUDE)
    assert change.after == 114_803_840
    boxes, logits = outputs(model, images)
    assert (boxes - reference[0]).abs().max() < INT8_TOLERANCE
    assert sqnr_db(reference[1], logits) > 30


def test_the_tolerances_would_notice_broken_weights(detr, images, reference):
    """Doubled scales in one layer of each decoder block are enough to fail the tests above."""
    model = copy.deepcopy(detr)
    quantize_linears_(model, exclude=EXCLUDE)
    for layer in model.model.decoder.layers:
        layer.mlp.fc1.scale *= 2
    boxes, logits = outputs(model, images)
    assert (boxes - reference[0]).abs().max() > INT8_TOLERANCE
    assert sqnr_db(reference[1], logits) < 20
