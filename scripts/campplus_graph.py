"""Writes the ONNX graph of the speaker model CAM++. Requires the package onnx.

    python scripts/campplus_graph.py WEIGHTS scripts/campplus_bands.json FILE

The network is that of 3D-Speaker's DTDNN.py (arXiv 2303.00332). Two things differ, so that overlapping windows share all work
but their statistics: the graph takes a piece of audio and windows in it (`spans`), and each layer's context is the mean of about
1.5 s around it, in steps of SEGMENT, instead of the mean of the window. What a narrow band, such as a telephone's, adds to all
voices is removed from the vectors: bench/diarization/bands.py measures it. The graph contains no weights, only their positions
in WEIGHTS, PyTorch's archive of them.
"""

import json
import pickle
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import onnx
from onnx import NodeProto, TensorProto, helper

FLOAT_BYTES: Final = 4
BANDS: Final = 80
SIZE: Final = 192
GROWTH: Final = 32
"""Channels that each layer adds."""
BLOCKS: Final = ((12, 1), (24, 2), (16, 2))
"""Layers of each block and their dilation."""
SEGMENT: Final = 25
"""Frames of 20 ms. The frames of a piece must be a multiple."""
ZIP_HEADER: Final = 30
"""Length in bytes of a zip entry's own header, without its name and extra field."""


class _Names(pickle.Unpickler):
    """Reads which tensor is in which entry of the archive, without PyTorch: name -> (entry, shape)."""

    def find_class(self, _module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return lambda entry, _start, shape, *_rest: (entry, list(shape))
        return dict if name == "OrderedDict" else name

    def persistent_load(self, pid: Any) -> str:
        return str(pid[2])


def weights_of(file: Path) -> dict[str, TensorProto]:
    """Tensors whose content is in the archive. Each is an entry of its own, not compressed."""
    found = {}
    with zipfile.ZipFile(file) as archive, file.open("rb") as data:
        for name, (entry, shape) in _Names(archive.open("archive/data.pkl")).load().items():
            info = archive.getinfo(f"archive/data/{entry}")
            data.seek(info.header_offset + ZIP_HEADER - 4)
            offset = info.header_offset + ZIP_HEADER + sum(struct.unpack("<HH", data.read(4)))
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
            for key, value in (("location", file.name), ("offset", offset), ("length", info.file_size)):
                tensor.external_data.add(key=key, value=str(value))
            if info.file_size % FLOAT_BYTES == 0 and shape:
                found[name] = tensor
    return found


class _Graph:
    """Nodes in order, and the tensors that they use."""

    def __init__(self, weights: dict[str, TensorProto]) -> None:
        self._weights = weights
        self.tensors: dict[str, TensorProto] = {}
        self.nodes: list[NodeProto] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node and returns its output. Inputs are outputs or names of weights."""
        self.tensors.update({name: self._weights[name] for name in inputs if name in self._weights})
        output = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def integers(self, *values: int) -> str:
        """The name of a constant."""
        name = "_".join(["integers", *map(str, values)])
        self.tensors[name] = helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        return name

    def integer(self, value: int) -> str:
        """The name of a constant without dimensions."""
        name = f"integer_{value}"
        self.tensors[name] = helper.make_tensor(name, TensorProto.INT64, [], [value])
        return name

    def floats(self, name: str, values: list[float]) -> str:
        """The name of a constant."""
        self.tensors[name] = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
        return name

    def conv(self, of: str, name: str, *, bias: bool = False, **attributes: Any) -> str:
        """A convolution with the weights of this name."""
        return self.add("Conv", of, f"{name}.weight", *([f"{name}.bias"] if bias else []), **attributes)

    def norm(self, of: str, name: str) -> str:
        """Batch normalization."""
        return self.add(
            "BatchNormalization", of, *(f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
        )

    def active(self, of: str, name: str) -> str:
        """Batch normalization, then ReLU."""
        return self.add("Relu", self.norm(of, name))


def _head(graph: _Graph, feats: str) -> str:
    """Two-dimensional convolutions over time and bands, as channels over time."""
    around = [1, 1, 1, 1]
    image = graph.add("Unsqueeze", graph.add("Transpose", feats, perm=[0, 2, 1]), graph.integers(1))
    found = graph.active(graph.conv(image, "head.conv1", pads=around), "head.bn1")
    for name, stride in (("layer1.0", 2), ("layer1.1", 1), ("layer2.0", 2), ("layer2.1", 1)):
        block, strides = f"head.{name}", [stride, 1]
        inner = graph.active(graph.conv(found, f"{block}.conv1", pads=around, strides=strides), f"{block}.bn1")
        inner = graph.norm(graph.conv(inner, f"{block}.conv2", pads=around), f"{block}.bn2")
        if stride == 2:
            found = graph.norm(graph.conv(found, f"{block}.shortcut.0", strides=strides), f"{block}.shortcut.1")
        found = graph.add("Relu", graph.add("Add", inner, found))
    found = graph.active(graph.conv(found, "head.conv2", pads=around, strides=[2, 1]), "head.bn2")
    return graph.add("Reshape", found, graph.integers(0, GROWTH * BANDS // 8, -1))


def _layer(graph: _Graph, of: str, name: str, dilation: int) -> str:
    """The channels that one layer adds, weighted by their context."""
    hidden = graph.active(of, f"{name}.nonlinear1.batchnorm")
    hidden = graph.active(graph.conv(hidden, f"{name}.linear1"), f"{name}.nonlinear2.batchnorm")
    cam = f"{name}.cam_layer"
    local = graph.conv(hidden, f"{cam}.linear_local", pads=[dilation] * 2, dilations=[dilation])
    segments = graph.add("AveragePool", hidden, kernel_shape=[SEGMENT], strides=[SEGMENT])
    context = graph.add("AveragePool", segments, kernel_shape=[3], pads=[1, 1])
    context = graph.add("Add", context, context)  # the network adds the mean of all audio and that of 2 s
    context = graph.add("Relu", graph.conv(context, f"{cam}.linear1", bias=True))
    weight = graph.add("Sigmoid", graph.conv(context, f"{cam}.linear2", bias=True))
    by_segment = graph.add("Reshape", local, graph.integers(0, GROWTH, -1, SEGMENT))
    weighted = graph.add("Mul", by_segment, graph.add("Unsqueeze", weight, graph.integers(3)))
    return graph.add("Reshape", weighted, graph.integers(0, GROWTH, -1))


def _statistics(graph: _Graph, frames: str, spans: str) -> str:
    """Mean and deviation over each window, [windows, channels, 1], from sums up to each frame."""
    by_time = graph.add("Transpose", graph.add("Squeeze", frames, graph.integers(0)), perm=[1, 0])
    edges = graph.add("Div", spans, graph.integers(2))
    starts, ends = (graph.add("Gather", edges, graph.integer(column), axis=1) for column in (0, 1))
    count = graph.add("Cast", graph.add("Sub", ends, starts), to=TensorProto.FLOAT)
    count = graph.add("Unsqueeze", count, graph.integers(1))

    def mean(values: str) -> str:
        padded = graph.add("Pad", values, graph.integers(1, 0, 0, 0))
        sums = graph.add("CumSum", padded, graph.integer(0))
        total = graph.add("Sub", graph.add("Gather", sums, ends), graph.add("Gather", sums, starts))
        return graph.add("Div", total, count)

    average = mean(by_time)
    square = graph.add("Sub", mean(graph.add("Mul", by_time, by_time)), graph.add("Mul", average, average))
    rest = graph.add("Sub", count, graph.floats("one", [1.0]))
    variance = graph.add("Div", graph.add("Mul", graph.add("Relu", square), count), rest)
    both = graph.add("Concat", average, graph.add("Sqrt", variance), axis=1)
    return graph.add("Unsqueeze", both, graph.integers(2))


def _without(graph: _Graph, voice: str, directions: list[list[float]]) -> str:
    """Vectors without their parts in these directions, which are orthogonal and have length 1."""
    values = [value for direction in directions for value in direction]
    graph.tensors["bands"] = helper.make_tensor("bands", TensorProto.FLOAT, [len(directions), SIZE], values)
    amounts = graph.add("MatMul", voice, graph.add("Transpose", "bands", perm=[1, 0]))
    return graph.add("Sub", voice, graph.add("MatMul", amounts, "bands"))


def graph(weights: Path, bands: list[list[float]]) -> onnx.ModelProto:
    """The model: `feats`, float32 [1, frames, 80], and `spans`, int64 [windows, 2], to `voice`, float32 [windows, 192].

    Args:
        weights: PyTorch's archive.
        bands: Directions that are removed from the vectors.
    """
    made = _Graph(weights_of(weights))
    found = _head(made, "feats")
    tdnn = "xvector.tdnn"
    found = made.active(made.conv(found, f"{tdnn}.linear", pads=[2, 2], strides=[2]), f"{tdnn}.nonlinear.batchnorm")
    for block, (layers, dilation) in enumerate(BLOCKS, 1):
        for layer in range(1, layers + 1):
            added = _layer(made, found, f"xvector.block{block}.tdnnd{layer}", dilation)
            found = made.add("Concat", found, added, axis=1)
        transit = f"xvector.transit{block}"
        found = made.conv(made.active(found, f"{transit}.nonlinear.batchnorm"), f"{transit}.linear")
    frames = made.active(found, "xvector.out_nonlinear.batchnorm")
    voice = made.conv(_statistics(made, frames, "spans"), "xvector.dense.linear")
    parts = [f"xvector.dense.nonlinear.batchnorm.running_{part}" for part in ("mean", "var")]
    unit = [made.floats("ones", [1.0] * SIZE), made.floats("zeros", [0.0] * SIZE)]
    voice = made.add("BatchNormalization", voice, *unit, *parts)
    voice = _without(made, made.add("Reshape", voice, made.integers(-1, SIZE)), bands)
    inputs = [
        helper.make_tensor_value_info("feats", TensorProto.FLOAT, [1, "frames", BANDS]),
        helper.make_tensor_value_info("spans", TensorProto.INT64, ["windows", 2]),
    ]
    output = helper.make_tensor_value_info(voice, TensorProto.FLOAT, ["windows", SIZE])
    opset = helper.make_opsetid("", 13)
    drawn = helper.make_graph(made.nodes, "campplus", inputs, [output], list(made.tensors.values()))
    return helper.make_model(drawn, opset_imports=[opset], ir_version=8)


if __name__ == "__main__":
    made = graph(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
    Path(sys.argv[3]).write_bytes(made.SerializeToString(deterministic=True))
