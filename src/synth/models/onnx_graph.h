// Graphs of networks that are published as ONNX files, put together operation by operation.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/onnx/onnx.h"
#include "synth/models/manifest.h"

namespace easel::synth {

formats::OnnxAttribute whole(int64_t value);
formats::OnnxAttribute wholes(std::vector<int64_t> values);
formats::OnnxAttribute number(float value);
formats::OnnxAttribute text(std::string value);

// What a file holds: the tensors, and the graph without them.
struct OnnxPlan {
  Manifest tensors;
  std::shared_ptr<const formats::OnnxGraph> graph;
};

class OnnxBuilder {
 public:
  using Name = std::string;  // of a value
  using Attributes = std::map<std::string, formats::OnnxAttribute>;

  explicit OnnxBuilder(int64_t opset) { graph_.opset = opset; }

  Name input(const std::string& name, std::vector<int64_t> shape);
  void output(const Name& value, const std::string& name, std::vector<int64_t> shape);

  Name add(const std::string& op, std::vector<Name> inputs, Attributes attributes = {});
  std::vector<Name> add_parts(const std::string& op, std::vector<Name> inputs, size_t parts,
                              Attributes attributes = {});
  // A tensor of the file.
  Name tensor(const std::string& name, const Shape& shape);
  // Whole numbers or floats that stand in the graph.
  Name constant(std::vector<int64_t> values);
  Name constant(std::vector<float> values);

  struct Window {
    int64_t size = 1, stride = 1, groups = 1, dilation = 1;
  };
  // A convolution padded so that a step of 1 keeps the size, with a bias.
  Name conv(const Name& x, const std::string& name, int64_t in, int64_t out, const Window& window);
  Name linear(const Name& x, const std::string& name, int64_t in, int64_t out);  // without a bias
  // x sigmoid(x)
  Name silu(const Name& x);
  Name conv_silu(const Name& x, const std::string& name, int64_t in, int64_t out, const Window& window) {
    return silu(conv(x, name, in, out, window));
  }
  Name max_pool(const Name& x, int64_t size, int64_t stride, bool ceil = false);

  OnnxPlan finish();

 private:
  Manifest tensors_;
  formats::OnnxGraph graph_;
  int64_t next_ = 0;
};

// DWPose's networks: YOLOX-L, which finds people, and RTMPose-L for whole bodies. `channels` is the width of YOLOX's
// first maps, and of RTMPose's after its stem: 64.
OnnxPlan yolox(int64_t channels);
struct WholeBodySize {
  int64_t width, height;
};
OnnxPlan whole_body_pose(int64_t channels, const WholeBodySize& size);

// U2-Net, which says what of a picture is in front. `channels` is the width of its first maps: 64.
OnnxPlan cutout_network(int64_t channels);

}  // namespace easel::synth
