#include "nodes/common/link_types.h"

#include <set>

#include "models/gligen/gligen.h"

namespace easel::nodes {

size_t LinkType<models::ClipVisionOutput>::bytes(const Held& output) {
  return bytes_of(output.image_embeds) + bytes_of(output.penultimate_hidden_states) +
         bytes_of(output.last_hidden_state);
}

size_t LinkType<models::Conditioning>::bytes(const Held& list) {
  size_t sum = 0;
  std::set<const models::ControlLink*> counted;
  for (const auto& entry : list) {
    for (const Tensor* part :
         {&entry.cond, &entry.pooled_output, &entry.mask, &entry.concat_latent_image, &entry.concat_mask})
      sum += bytes_of(*part);
    for (const auto& picture : entry.unclip) sum += LinkType<models::ClipVisionOutput>::bytes(picture.embedding);
    for (auto link = entry.control.get(); link && counted.insert(link).second; link = link->previous.get())
      sum += bytes_of(link->hint);
    if (entry.gligen)
      for (const models::GligenBox& box : entry.gligen->boxes) sum += bytes_of(box.text);
  }
  return sum;
}

}  // namespace easel::nodes
