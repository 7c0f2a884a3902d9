// Nodes that leave out steps in which little changes.
#include "models/patch/step_reuse.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

struct Reuse {
  Linked<ModelHandle> model;
  double reuse_threshold = 0.2, start_percent = 0.15, end_percent = 0.95;
  bool verbose = false;

  models::StepReuse options() const {
    return {.threshold = reuse_threshold, .start_percent = start_percent, .end_percent = end_percent};
  }
};

void add(Table& table, const char* name, const char* description, Run<Reuse> run) {
  table.add(NodeOf<Reuse>{
      .name = name,
      .display = name,
      .category = "advanced/debug",
      .description = description,
      .inputs = {Link("model", &Reuse::model),
                 Float("reuse_threshold", &Reuse::reuse_threshold)
                     .range(0.0, 3.0)
                     .step(0.01)
                     .useful(0, 1, 0.05)
                     .tip("How much the result may be estimated to have changed before a step is computed again."),
                 Float("start_percent", &Reuse::start_percent).range(0.0, 1.0).step(0.01),
                 Float("end_percent", &Reuse::end_percent).range(0.0, 1.0).step(0.01),
                 Bool("verbose", &Reuse::verbose).tip("Has no effect; it writes to the log in ComfyUI.")},
      .runs_when_checked = true,
      .run = std::move(run)});
}

}  // namespace

void register_step_reuse_nodes(Table& table) {
  add(table, "EasyCache", "Leaves out steps of the network in which little would change, which saves time.",
      [](const Reuse& in) -> Results<ModelHandle> {
        models::unet_of(*in.model, "EasyCache");
        return {models::with_patch(*in.model, models::reuse_network_steps(in.options()))};
      });
  add(table, "LazyCache", "Leaves out whole steps, guidance included, in which little would change.",
      [](const Reuse& in) -> Results<ModelHandle> {
        return {models::with_patch(*in.model, models::reuse_guided_steps(in.options()))};
      });
}

}  // namespace easel::nodes
