// The node that puts a hypernetwork into a model.
#include "models/patch/hypernetwork.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

struct Load {
  Linked<ModelHandle> model;
  std::string hypernetwork_name;
  double strength = 1.0;
};

Results<ModelHandle> load(const Load& in, Call& call) {
  const auto file = open_model(call, "hypernetworks", in.hypernetwork_name);
  const models::HypernetworkHandle net =
      models::load_hypernetwork(call.context().residency, *file, call.context().compute);
  const models::UNetModel& unet = models::unet_of(*in.model, "a hypernetwork");
  if (!net.config.keys.contains(unet.config.context_dim))
    call.warn(net.file + " has no network for texts of width " + std::to_string(unet.config.context_dim) +
              ", which those of this model are, so that it changes less than it was made for");
  return {models::with_hypernetwork(*in.model, net, static_cast<float>(in.strength))};
}

}  // namespace

void register_hypernetwork_nodes(Table& table) {
  table.add(NodeOf<Load>{
      .name = "HypernetworkLoader",
      .display = "HypernetworkLoader",
      .category = "loaders",
      .description = "Puts a hypernetwork, which changes what attention looks at, into a model.",
      .inputs = {Link("model", &Load::model), File("hypernetwork_name", &Load::hypernetwork_name, "hypernetworks"),
                 Float("strength", &Load::strength).range(-10.0, 10.0).step(0.01).useful(0, 2, 0.05)},
      .runs_when_checked = true,
      .run = load});
}

}  // namespace easel::nodes
