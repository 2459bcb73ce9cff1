"""Makes the fixtures in this folder. Needs the public packages gguf and numpy: `python make.py`.

formats.gguf   one tensor of each encoding, `NAME`, as gguf quantizes it, with `NAME.expected`, the values as gguf reads them
               back, in F32; and metadata of every type
i2s.gguf       the same codes in the three layouts of I2_S, written here from the layouts' definitions, with `codes` in I8
"""

import struct
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

HERE = Path(__file__).parent
random = np.random.default_rng(20)
SCALE = np.float32(0.37109375)  # an f16 holds it exactly


def metadata(writer):
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_uint64("test.u64", 2**63 + 5)
    writer.add_int64("test.i64", -(2**62))
    writer.add_float32("test.f32", 1.5)
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "gr\u00fc\u00df dich")
    writer.add_array("test.strings", ["a", "", "\u2581the"])
    writer.add_array("test.i32s", [1, -2, 3])
    writer.add_array("test.f32s", [0.5, -1.25])
    writer.add_array("test.nested", [[1, 2], [3]])


def formats():
    writer = gguf.GGUFWriter(HERE / "formats.gguf", "bitnet")
    metadata(writer)
    values = random.normal(size=(3, 512)).astype(np.float32)
    codes = random.integers(-1, 2, size=(3, 512)).astype(np.float32)
    codes[1, 256:] = 0  # a block of zeros, for which the quantizer stores the scale 0
    blocks = {
        "f32": (T.F32, values[:2, :7]),
        "f16": (T.F16, values[:2, :7]),
        "bf16": (T.BF16, values[:2, :7]),
        "q8_0": (T.Q8_0, values[:, :64]),
        "tq1_0": (T.TQ1_0, codes * SCALE),
        "tq2_0": (T.TQ2_0, codes * SCALE),
    }
    for name, (kind, tensor) in blocks.items():
        quantized = gguf.quants.quantize(tensor, kind)
        writer.add_tensor(name, quantized, raw_dtype=kind)
        writer.add_tensor(f"{name}.expected", gguf.quants.dequantize(quantized, kind).astype(np.float32))
    # gguf does not quantize to Q6_K: random bytes are valid blocks once the scale is a small number
    q6_k = random.integers(0, 256, size=(2, 2 * 210), dtype=np.uint8)
    for row in q6_k:
        for block in range(2):
            row[block * 210 + 208 : block * 210 + 210] = np.frombuffer(np.float16(0.0123 * (block + 1)).tobytes(), np.uint8)
    writer.add_tensor("q6_k", q6_k, raw_dtype=T.Q6_K)
    writer.add_tensor("q6_k.expected", gguf.quants.dequantize(q6_k, T.Q6_K))
    writer.add_tensor("known", random.integers(0, 256, size=(1, 144), dtype=np.uint8), raw_dtype=T.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleave(codes, stride):
    """Each byte holds four elements `stride` apart, the first in the highest bits."""
    quarters = (codes + 1).astype(np.uint8).reshape(-1, 4, stride)
    return quarters[:, 0] << 6 | quarters[:, 1] << 4 | quarters[:, 2] << 2 | quarters[:, 3]


def i2s():
    # 192 columns: rows start inside the blocks of 128
    codes = random.integers(-1, 2, size=(8, 192)).astype(np.int8)
    rows = (codes + 1).astype(np.uint8).reshape(2, 4, 192)
    packed = {
        "x86": interleave(codes.reshape(-1), 32),
        "arm": interleave(codes.reshape(-1), 16),
        "rows": rows[:, 0] << 6 | rows[:, 1] << 4 | rows[:, 2] << 2 | rows[:, 3],
    }
    tail = struct.pack("<f28x", SCALE)
    tensors = [(name, 36, data.tobytes() + tail) for name, data in packed.items()] + [("codes", 24, codes.tobytes())]
    header = struct.pack("<4sIQQ", b"GGUF", 2, len(tensors), 0)
    data = b""
    for name, kind, content in tensors:
        header += struct.pack(f"<Q{len(name)}sIQQIQ", len(name), name.encode(), 2, 192, 8, kind, len(data))
        data += content + bytes(-len(content) % 32)
    (HERE / "i2s.gguf").write_bytes(header + bytes(-len(header) % 32) + data)


formats()
i2s()
