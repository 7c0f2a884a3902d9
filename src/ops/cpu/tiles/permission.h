// Whether this process may use the processor's matrix registers.
#pragma once

namespace easel::ops::cpu {

// The first call asks the system for the AMX registers; later ones return its answer. False if the processor lacks
// AMX-BF16 or AMX-INT8, if the system does not save the registers of threads (XCR0), or if it refuses. The system
// allocates the memory that saves a thread's registers when the thread first uses one.
bool matrix_registers_granted();

}  // namespace easel::ops::cpu
