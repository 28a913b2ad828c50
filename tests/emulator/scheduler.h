// Runs the threads of a launch: blocks one after the other, the threads of a block as fibers.
// EMULATOR_ORDER=forward|reverse|random:SEED decides who goes first; right kernels give the same bits in every order.
#pragma once

#include <string>
#include <vector>

#include "emulator/launch.h"

namespace emulator {

void run(const Launch& launch);
void decide_order(std::vector<int>& ids);  // of things that may go in any order
std::string where_am_i();                  // the running thread and kernel, for error messages; empty in host code

}  // namespace emulator
