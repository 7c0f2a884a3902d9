// Whether this process may use the processor's matrix registers.
#pragma once

namespace easel::ops::cpu {

// Asks the system for the registers of AMX when it is called first, and remembers the answer. False where the processor
// has none with products of bf16 and of bytes, or where the system does not keep them for threads (XCR0), or refuses.
// A thread's own memory for them is taken by the system when it first uses one; a thread that uses none has none.
bool matrix_registers_granted();

}  // namespace easel::ops::cpu
