"""SD 1.x's noise schedule, and a sampler for sheets."""
import torch

STEPS = 1000
_BETAS = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, STEPS, dtype=torch.float64) ** 2
ALPHAS = torch.cumprod(1 - _BETAS, 0).float()  # what is left of the picture's variance at each timestep


def noised(x, noise, timesteps):
    """`timesteps` lie on the CPU, like the schedule."""
    a = ALPHAS[timesteps].view(-1, 1, 1, 1).to(x.device)
    return a.sqrt() * x + (1 - a).sqrt() * noise


def snr_weight(timesteps, most=5.0, lift=6.0):
    """Weights for a loss on the noise. Min-SNR: no timestep's share of the picture counts more than `most` times. Where
    there is much noise it is told easily and the picture hardly counts, although it is decided there; errors count
    1 / sqrt(snr) times there, up to `lift`."""
    snr = ALPHAS[timesteps] / (1 - ALPHAS[timesteps])
    return snr.clamp(max=most) / snr * snr.rsqrt().clamp(1.0, lift)


@torch.no_grad()
def ddim(denoise, x, steps=20):
    """`denoise(x, timesteps)` gives the noise in x; x starts as noise."""
    times = torch.linspace(STEPS - 1, 0, steps + 1).round().long()
    for t, after in zip(times[:-1], times[1:]):
        noise = denoise(x, t.repeat(len(x)).to(x.device))
        a, b = ALPHAS[t], ALPHAS[after]
        picture = (x - (1 - a).sqrt() * noise) / a.sqrt()
        x = b.sqrt() * picture + (1 - b).sqrt() * noise
    return picture
