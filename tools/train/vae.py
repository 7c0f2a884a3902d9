"""The autoencoder, with the key names of `first_stage_model.*`."""
import torch
import torch.nn.functional as F
from torch import nn

from layers import GroupNorm, attention, conv, upsampled, zeroed

LATENT_SCALE = 0.18215  # what a UNet of this layout multiplies latents with


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1 = GroupNorm(inputs)
        self.conv1 = conv(inputs, outputs)
        self.norm2 = GroupNorm(outputs)
        self.conv2 = conv(outputs, outputs)
        if inputs != outputs:
            self.nin_shortcut = conv(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv1(self.norm1(x, silu=True))
        h = self.conv2(self.norm2(h, silu=True))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = GroupNorm(width)
        self.q, self.k, self.v, self.proj_out = (conv(width, width, 1) for _ in range(4))

    def forward(self, x):
        n, c, h, w = x.shape
        y = self.norm(x)
        q, k, v = (layer(y).permute(0, 2, 3, 1).reshape(n, h * w, c) for layer in (self.q, self.k, self.v))
        return x + self.proj_out(attention(q, k, v, 1).view(n, h, w, c).permute(0, 3, 1, 2))


class Middle(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = ResBlock(width, width), Attention(width), ResBlock(width, width)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Resize(nn.Module):
    def __init__(self, width, down):
        super().__init__()
        self.down = down
        self.conv = conv(width, width, stride=2, padding=0) if down else conv(width, width)

    def forward(self, x):
        if self.down:
            return self.conv(F.pad(x, (0, 1, 0, 1)))
        return upsampled(x, self.conv.weight, self.conv.bias)


class Resting(ResBlock):
    """A block that the layout has and that does nothing, so costs nothing to train: its second convolution is zero."""

    def __init__(self, width):
        super().__init__(width, width)
        zeroed(self.conv2)
        self.requires_grad_(False)

    def forward(self, x):
        return x


class Level(nn.Module):
    """`blocks` that the layout has, of which the first `busy` are trained; a block that changes the width always is."""

    def __init__(self, inputs, width, blocks, busy):
        super().__init__()
        self.block = nn.ModuleList()
        for i in range(blocks):
            first = inputs if i == 0 else width
            self.block.append(ResBlock(first, width) if i < busy or first != width else Resting(width))

    def forward(self, x):
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Encoder(nn.Module):
    def __init__(self, channels, mult, latent, busy):
        super().__init__()
        self.conv_in = conv(3, channels)
        self.down = nn.ModuleList()
        width = channels
        for i, m in enumerate(mult):
            self.down.append(Level(width, channels * m, 2, busy[i]))
            width = channels * m
            if i + 1 < len(mult):
                self.down[-1].downsample = Resize(width, True)
        self.mid = Middle(width)
        self.norm_out = GroupNorm(width)
        self.conv_out = conv(width, 2 * latent)

    def forward(self, x):
        x = self.conv_in(x.to(self.conv_in.weight.dtype))
        for level in self.down:
            x = level(x)
        return self.conv_out(self.norm_out(self.mid(x), silu=True)).float()


class Decoder(nn.Module):
    def __init__(self, channels, mult, latent, busy):
        super().__init__()
        width = channels * mult[-1]
        self.conv_in = conv(latent, width)
        self.mid = Middle(width)
        levels = []
        for i, m in reversed(list(enumerate(mult))):
            levels.insert(0, Level(width, channels * m, 3, busy[i]))
            width = channels * m
            if i > 0:
                levels[0].upsample = Resize(width, False)
        self.up = nn.ModuleList(levels)  # number 0 runs last
        self.norm_out = GroupNorm(width)
        self.conv_out = conv(width, 3)

    def forward(self, z):
        x = self.mid(self.conv_in(z.to(self.conv_in.weight.dtype)))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(self.norm_out(x, silu=True)).float()


class Vae(nn.Module):
    """`encoder_busy` and `decoder_busy`: how many blocks of each level are trained, the finest level first."""

    def __init__(self, channels, mult, encoder_busy, decoder_busy, latent=4):
        super().__init__()
        self.encoder = Encoder(channels, mult, latent, encoder_busy)
        self.decoder = Decoder(channels, mult, latent, decoder_busy)
        self.quant_conv = conv(2 * latent, 2 * latent, 1)
        self.post_quant_conv = conv(latent, latent, 1)

    def encode(self, x):
        """[N,3,H,W] in -1..1 -> mean and log variance, [N,4,H/8,W/8] each."""
        mean, log_variance = self.quant_conv(self.encoder(x).to(self.quant_conv.weight.dtype)).float().chunk(2, 1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z.to(self.post_quant_conv.weight.dtype)))

    def shift_and_scale_latents(self, shift, factor):
        """The same autoencoder with latents (z + shift) * factor, of one value for each channel."""
        latent = self.post_quant_conv.in_channels
        with torch.no_grad():
            self.quant_conv.weight[:latent] *= factor.view(-1, 1, 1, 1)
            self.quant_conv.bias[:latent] = (self.quant_conv.bias[:latent] + shift) * factor
            self.quant_conv.bias[latent:] += 2 * factor.log()
            weight = self.post_quant_conv.weight
            self.post_quant_conv.bias -= weight[:, :, 0, 0] @ shift
            weight /= factor.view(1, -1, 1, 1)
