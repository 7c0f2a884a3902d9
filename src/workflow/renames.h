// Names that nodes, inputs and choices had in earlier versions of ComfyUI and extensions. Its editor and its server
// replace them when they read a workflow, and so does everything here.
#pragma once

#include "workflow/convert/graph.h"
#include "workflow/prompt.h"

namespace easel::workflow {

// Gives a node and its inputs the names they have today. Values that the old node did not have and whose old meaning is
// not today's default are added.
void use_todays_names(PromptNode& node);
void use_todays_names(GraphNode& node);

// Gives the inputs of a node, whose names are today's, the values that mean today what theirs meant when they were
// written: samplers by their former names, a flag that has become a list.
void use_todays_values(PromptNode& node);

}  // namespace easel::workflow
