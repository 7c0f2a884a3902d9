// The reference's pictures, decoded.
#pragma once

#include <turbojpeg.h>

#include <memory>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "support/golden.h"

namespace easel::testing {

// ../shared/input/<name> as f32 [1,H,W,3] in 0..1. Only after EASEL_NEEDS_SHARED().
inline Tensor reference_picture(const std::string& name) {
  const std::string bytes = read_file(shared_dir() / "input" / name);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const std::unique_ptr<void, decltype(&tjDestroy)> decoder(tjInitDecompress(), &tjDestroy);
  int width = 0, height = 0, sampling = 0, space = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &sampling, &space) != 0)
    throw Error(Fault::kBadFile, "not a JPEG").in_file(name);
  std::vector<unsigned char> pixels(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  if (tjDecompress2(decoder.get(), data, bytes.size(), pixels.data(), width, 0, height, TJPF_RGB, TJFLAG_ACCURATEDCT) !=
      0)
    throw Error(Fault::kBadFile, "not a JPEG").in_file(name);
  Tensor out(Shape{1, height, width, 3});
  for (size_t i = 0; i < pixels.size(); ++i) out.f32()[i] = static_cast<float>(pixels[i]) / 255.0f;
  return out;
}

}  // namespace easel::testing
