"""A whole Stable Diffusion folder of tiny random networks, saved as diffusers saves the real one."""

from __future__ import annotations

import json
from pathlib import Path


def make_folder(folder: Path, scheduler: str = "DDIMScheduler", prediction_type: str = "v_prediction") -> Path:
    """VAE, U-Net, CLIP text encoder and tokenizer from configuration: 64 px images, 0.3 M parameters."""
    import diffusers
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    words = folder / "words"
    words.mkdir(parents=True)
    letters = sorted(ByteLevel.alphabet())
    specials = ["<|startoftext|>", "<|endoftext|>"]
    names = [*letters, *(f"{letter}</w>" for letter in letters), *specials]
    (words / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=256)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(names), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=256, bos_token_id=512, eos_token_id=513, pad_token_id=513,
        )
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=(4, 8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=64,
    )  # fmt: skip
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=32,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        use_linear_projection=True, attention_head_dim=8,
    )  # fmt: skip
    kind = getattr(diffusers, scheduler)
    given = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    if scheduler == "DDIMScheduler":
        given |= {"clip_sample": False, "set_alpha_to_one": False}
    diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet,
        scheduler=kind(**given, prediction_type=prediction_type),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    (folder / "README.md").write_text("---\nlicense: openrail++\n---\nTiny.\n")
    return folder
