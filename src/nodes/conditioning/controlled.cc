#include "nodes/conditioning/controlled.h"

#include <map>
#include <memory>

namespace easel::nodes {

std::pair<models::Conditioning, models::Conditioning> controlled(models::Conditioning positive,
                                                                 models::Conditioning negative,
                                                                 models::ControlLink link, bool to_uncond) {
  std::map<const models::ControlLink*, models::ControlLinkPtr> made;
  for (models::Conditioning* list : {&positive, &negative}) {
    for (models::ConditioningEntry& entry : *list) {
      models::ControlLinkPtr& next = made[entry.control.get()];
      if (!next) {
        link.previous = entry.control;
        next = std::make_shared<const models::ControlLink>(link);
      }
      entry.control = next;
      entry.control_apply_to_uncond = to_uncond;
    }
  }
  return {std::move(positive), std::move(negative)};
}

}  // namespace easel::nodes
