// Names that nodes and inputs had in earlier versions of ComfyUI. Its editor and its server replace them when they read
// a workflow, and so does everything here.
#pragma once

#include "workflow/convert/graph.h"
#include "workflow/prompt.h"

namespace easel::workflow {

// Gives a node and its inputs the names they have today. Values that the old node did not have and whose old meaning is
// not today's default are added.
void use_todays_names(PromptNode& node);
void use_todays_names(GraphNode& node);

}  // namespace easel::workflow
