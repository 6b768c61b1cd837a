"""Miniature models of transformers against herm: called by scripts/checks/transformers.mjs, in an empty directory.

What is checked of each: it loads again at full width and computes the same, bit for bit; narrow and padded networks
load and agree; every directory is what herm says it is.
"""

import os
import subprocess
import sys

os.environ['HF_HUB_OFFLINE'] = '1'
import torch
import transformers
from models import MODELS

transformers.logging.set_verbosity_error()
HERM = sys.argv[1:]
# The widths of these follow from the hidden size: only padded networks load.
FIXED = {'bloom', 'convnext', 'deepseek_v2', 'dinov2', 'dinov2_swiglu', 'donut_swin', 'glm4v', 'lfm2', 'llama4', 'mpt', 'qwen2_vl'}
FIXED |= {'recurrent_gemma', 'swin', 'swinv2', 'voxtral'}
SPEECH = {'data2vec-audio', 'wav2vec2', 'wav2vec2-conformer'}


def herm(*args):
    done = subprocess.run([*HERM, *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def inputs_for(kind, config):
    text = {'input_ids': torch.randint(3, 30, (2, 5))}
    image = {'pixel_values': torch.randn(2, 3, *[getattr(config, 'image_size', 16)] * 2)}
    decoder = {'decoder_input_ids': torch.randint(3, 32, (2, 4))}
    if kind in ('clip', 'siglip'):
        return text | {'pixel_values': torch.randn(2, 3, 8, 8)}
    if kind in ('vit', 'dinov2', 'dinov3_vit', 'swin', 'swinv2', 'donut-swin', 'convnext', 'sam'):
        return image
    if kind == 'detr':
        return {'pixel_values': torch.randn(2, 3, 32, 32)}
    if kind in SPEECH:
        return {'input_values': torch.randn(2, 128)}
    if kind == 'audio-spectrogram-transformer':
        return {'input_values': torch.randn(2, 16, 8)}
    if kind == 'moonshine':
        return {'input_values': torch.randn(2, 1024)} | decoder
    if kind == 'wav2vec2-bert':
        return {'input_features': torch.randn(2, 8, 8)}
    if kind == 'whisper':
        return {'input_features': torch.randn(2, 4, 16)} | decoder
    if kind == 'speecht5':
        return text | {'decoder_input_values': torch.randn(2, 4, 4), 'speaker_embeddings': torch.randn(2, 8)}
    if kind.endswith('_qformer'):
        queries = {'query_embeds': torch.randn(2, 4, 8), 'encoder_hidden_states': torch.randn(2, 3, 8)}
        return queries | (text if kind == 'instructblip_qformer' else {})
    return text | (decoder if kind in ('t5', 'bart', 'mbart', 'seamless_m4t') else {})


def outputs(cls, path):
    model, info = cls.from_pretrained(path, output_loading_info=True)
    bad = {key: value for key, value in info.items() if value}
    assert not bad, f'{path}: {bad}'
    model.eval()
    torch.manual_seed(1)
    kind = model.config.model_type
    with torch.no_grad():
        found = model(**inputs_for(kind, model.config))
    keys = ('logits', 'text_embeds', 'last_hidden_state', 'pred_masks', 'spectrogram')
    parts = [found[key] for key in keys if key in found.keys()][:1] + [found[key] for key in ('image_embeds',) if key in found.keys()]
    return torch.cat([part.flatten() for part in parts]).float()


def check(name):
    cls, config = MODELS[name]
    torch.manual_seed(0)
    model = cls(config)
    with torch.no_grad():
        for values in model.parameters():
            noise = torch.randn_like(values)
            values.copy_(values + 0.1 * noise if values.dim() == 1 else 0.3 * noise)
    model.save_pretrained(name)
    herm('compress', name, '-o', f'{name}.herm')
    herm('expand', f'{name}.herm', '--width', '100%', '-o', f'{name}-full')
    narrow = ('expand', f'{name}.herm', '--width', '40%', '--uniform', '--round-to', '4')
    herm(*narrow, '-o', f'{name}-narrow')
    herm(*narrow, '--pad', '-o', f'{name}-padded')
    assert torch.equal(outputs(cls, name), outputs(cls, f'{name}-full')), f'{name}: full width computes something else'
    padded = outputs(cls, f'{name}-padded')
    if name in FIXED:
        print(f'{name:16} full equal, padded loads')
        return
    difference = float((outputs(cls, f'{name}-narrow') - padded).abs().max())
    assert difference < 1e-5, f'{name}: narrow and padded differ by {difference}'
    print(f'{name:16} full equal, narrow and padded load and differ by {difference:.1e}')


for name in sorted(MODELS):
    check(name)
print(f'{len(MODELS)} models, transformers {transformers.__version__}, PyTorch {torch.__version__}')
