"""A tiny random model for llama.cpp's server, and eyes for it: what it says means nothing, all around it is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter, TokenType

if TYPE_CHECKING:
    from pathlib import Path

MODEL_NAME = "tiny"
CONTEXT_TOKENS = 4096

_TEXT = (
    "café naïve 日本 語 🎉 👩\u200d🔬 Ελλάδα мир שלום 한국 the a model says that one and two or no yes token "
    "answer with some more text here . , : ; ? ! ( ) * # `code` **bold** <b> & \" ' $x$ { }"
)
_WORDS = _TEXT.split()
_WIDTH, _HEADS, _FEED_FORWARD = 64, 4, 128
_TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def write_tiny_model(path: Path) -> None:
    """Write a one-layer llama of about 300 kB; the same bytes at each call."""
    tokens = ["<unk>", "<s>", "</s>"]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)] + [f"▁{word}" for word in _WORDS]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.BYTE] * 256 + [TokenType.NORMAL] * len(_WORDS)

    writer = GGUFWriter(path, "llama")
    writer.add_name(MODEL_NAME)
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(_TEMPLATE)
    for name, values in _weights(len(tokens)).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_tiny_eyes(path: Path) -> None:
    """Write what lets the tiny model see: one layer over four patches of an image, about 50 kB."""
    writer = GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "mlp")
    numbers = {
        "image_size": 2 * _PATCH_PX,
        "patch_size": _PATCH_PX,
        "embedding_length": _EYE_WIDTH,
        "feed_forward_length": _WIDTH,
        "projection_dim": _WIDTH,
        "block_count": 1,
        "attention.head_count": 2,
    }
    for name, number in numbers.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5, 0.5, 0.5])
    for name, values in _eye_weights().items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


_EYE_WIDTH, _PATCH_PX = 32, 14


def _eye_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {
        "v.class_embd": (_EYE_WIDTH,),
        "v.patch_embd.weight": (_EYE_WIDTH, 3, _PATCH_PX, _PATCH_PX),
        "v.position_embd.weight": (1 + 2 * 2, _EYE_WIDTH),
    }
    linear = {f"v.blk.0.attn_{name}": (_EYE_WIDTH, _EYE_WIDTH) for name in ("q", "k", "v", "out")}
    linear |= {"v.blk.0.ffn_up": (_WIDTH, _EYE_WIDTH), "v.blk.0.ffn_down": (_EYE_WIDTH, _WIDTH)}
    linear |= {"mm.0": (_WIDTH, _EYE_WIDTH), "mm.2": (_WIDTH, _WIDTH)}
    shapes |= {f"{name}.weight": shape for name, shape in linear.items()}
    found = {name: (rng.standard_normal(shape) * 0.1).astype(np.float32) for name, shape in shapes.items()}
    found |= {f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in linear.items()}
    for name in ("v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2"):
        found[f"{name}.weight"] = np.ones(_EYE_WIDTH, np.float32)
        found[f"{name}.bias"] = np.zeros(_EYE_WIDTH, np.float32)
    return found


def _weights(n_tokens: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)

    def matrix(rows: int, columns: int, scale: float) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * scale).astype(np.float32)

    output = matrix(n_tokens, _WIDTH, 0.02)
    output[259:] *= 15  # words are likely, bytes are not
    output[2] *= 13  # an answer ends by itself, sooner or later
    ones = np.ones(_WIDTH, np.float32)
    return {
        "token_embd.weight": matrix(n_tokens, _WIDTH, 1.0),
        "blk.0.attn_norm.weight": ones,
        "blk.0.attn_q.weight": matrix(_WIDTH, _WIDTH, 0.1),
        "blk.0.attn_k.weight": matrix(_WIDTH, _WIDTH, 0.1),
        "blk.0.attn_v.weight": matrix(_WIDTH, _WIDTH, 0.1),
        "blk.0.attn_output.weight": matrix(_WIDTH, _WIDTH, 0.1),
        "blk.0.ffn_norm.weight": ones,
        "blk.0.ffn_gate.weight": matrix(_FEED_FORWARD, _WIDTH, 0.1),
        "blk.0.ffn_up.weight": matrix(_FEED_FORWARD, _WIDTH, 0.1),
        "blk.0.ffn_down.weight": matrix(_WIDTH, _FEED_FORWARD, 0.1),
        "output_norm.weight": ones,
        "output.weight": output,
    }
