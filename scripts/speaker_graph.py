"""Writes the ONNX graph of the speaker model GE2E: `python scripts/speaker_graph.py FILE`. Requires the package onnx.

The graph is a three-layer LSTM, a linear layer, ReLU and a length of 1, as in Resemblyzer's voice_encoder.py. It contains no
weights: they are read from pretrained.pt in the same folder, at the positions below. PyTorch's order of gates is (i, f, g, o),
ONNX's is (i, o, f, g), so the graph moves them, once when it is loaded.
"""

import sys
from pathlib import Path
from typing import Final

import onnx
from onnx import NodeProto, TensorProto, helper

WEIGHTS: Final = "pretrained.pt"
FLOAT_BYTES: Final = 4
SIZE: Final = 256
GATES: Final = 4
BANDS: Final = 40
LSTM: Final = (
    {"ih": 269_883, "hh": 433_723, "bih": 5_676_603, "bhh": 5_680_699},
    {"ih": 1_482_299, "hh": 2_530_875, "bih": 5_684_795, "bhh": 5_688_891},
    {"ih": 3_579_451, "hh": 4_628_027, "bih": 5_692_987, "bhh": 5_697_083},
)
"""Positions in bytes of each layer's weights and biases, of the input (ih) and of the state (hh)."""
LINEAR: Final = (7_731, 6_699)
"""Positions of the linear layer's weights and bias."""


def _weights(name: str, shape: list[int], offset: int) -> TensorProto:
    """A tensor whose content is in the file of weights."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    length = FLOAT_BYTES
    for dimension in shape:
        length *= dimension
    for key, value in (("location", WEIGHTS), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _integers(name: str, values: list[int]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def graph() -> onnx.ModelProto:
    """The model: `mel`, float32 [windows, frames, 40], to `voice`, float32 [windows, 256]."""
    tensors = [_integers("order", [0, 3, 1, 2]), _integers("first", [0]), _integers("direction", [1])]
    nodes: list[NodeProto] = [helper.make_node("Transpose", ["mel"], ["layer0"], perm=[1, 0, 2])]
    for layer, offsets in enumerate(LSTM):
        width = BANDS if layer == 0 else SIZE
        for part, offset in offsets.items():
            columns = {"ih": [width], "hh": [SIZE]}.get(part, [])
            name = f"{part}{layer}"
            tensors += [
                _weights(name, [GATES * SIZE, *columns], offset),
                _integers(f"{name}_gates", [GATES, SIZE, *columns]),
                _integers(f"{name}_shape", [1, GATES * SIZE, *columns]),
            ]
            nodes += [
                helper.make_node("Reshape", [name, f"{name}_gates"], [f"{name}_by_gate"]),
                helper.make_node("Gather", [f"{name}_by_gate", "order"], [f"{name}_ordered"], axis=0),
                helper.make_node("Reshape", [f"{name}_ordered", f"{name}_shape"], [f"{name}_ready"]),
            ]
        nodes += [
            helper.make_node("Concat", [f"bih{layer}_ready", f"bhh{layer}_ready"], [f"bias{layer}"], axis=1),
            helper.make_node(
                "LSTM",
                [f"layer{layer}", f"ih{layer}_ready", f"hh{layer}_ready", f"bias{layer}"],
                [f"states{layer}", f"last{layer}"],
                hidden_size=SIZE,
            ),
            helper.make_node("Squeeze", [f"states{layer}", "direction"], [f"layer{layer + 1}"]),
        ]
    nodes.pop()  # nothing takes all states of the last layer
    tensors += [_weights("linear", [SIZE, SIZE], LINEAR[0]), _weights("linear_bias", [SIZE], LINEAR[1])]
    nodes += [
        helper.make_node("Squeeze", [f"last{len(LSTM) - 1}", "first"], ["last"]),
        helper.make_node("Gemm", ["last", "linear", "linear_bias"], ["projected"], transB=1),
        helper.make_node("Relu", ["projected"], ["positive"]),
        helper.make_node("LpNormalization", ["positive"], ["voice"], axis=1, p=2),
    ]
    mel = helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["windows", "frames", BANDS])
    voice = helper.make_tensor_value_info("voice", TensorProto.FLOAT, ["windows", SIZE])
    opset = helper.make_opsetid("", 13)
    return helper.make_model(helper.make_graph(nodes, "ge2e", [mel], [voice], tensors), opset_imports=[opset], ir_version=8)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(graph().SerializeToString(deterministic=True))
