// Workflows in the form that is POSTed to /prompt.
#include "fuzz/workflow.h"

EASEL_FUZZ([](easel::fuzz::Bytes bytes) {
  easel::fuzz::read_workflow(easel::fuzz::text_of(bytes), easel::workflow::Form::kPrompt);
})
