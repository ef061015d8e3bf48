"""A tiny random model for llama.cpp's server: its answers mean nothing, everything around them is real."""

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
