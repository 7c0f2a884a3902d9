// REMBG_SESSION: a network that cuts pictures out.
#pragma once

#include "image/edit/cut_out.h"
#include "models/onnx/network.h"
#include "node_api/value.h"

namespace easel::nodes {

// A network that says what of a picture is in front, and how it sees pictures.
struct RembgSession {
  models::OnnxHandle network;
  image::Size size;
  image::SeenColours colours;
};

template <>
struct LinkType<RembgSession> {
  static constexpr const char* kName = "REMBG_SESSION";
  using Held = RembgSession;
  using Foreseen = void;
  static size_t bytes(const Held&) { return 0; }
};

}  // namespace easel::nodes
