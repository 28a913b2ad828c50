// The evaluation pass of a network as data: what per-sample Jacobians (nn/jacobian.h) walk forwards and backwards.
#pragma once

#include <vector>

#include "kernels/ops/batchnorm_act.h"

namespace crc::nn {

// Value 0 is the input [N,H,W,C]; instruction i makes value i + 1. Parameters are indices into the net's layout, -1:
// none.
struct Instruction {
  enum class Kind : uint8_t {
    conv,        // of `input`, kernel x kernel, padded by kernel/2
    norm_act,    // batch normalisation by running statistics, then LeakyReLU (norm.slope)
    leaky_relu,  // norm.slope
    add,         // input + other
    pool,        // global average
    linear,      // of all elements of a sample
  };
  Kind kind;
  int input = 0, other = -1;
  int weight = -1, bias = -1, running = -1;
  int64_t out = 0;  // channels of conv and linear
  int64_t kernel = 1, stride = 1;
  BatchNormConfig norm = {};
};

struct Program {
  std::vector<Instruction> instructions;
  // Appends an instruction; returns the value it makes.
  int add(const Instruction& instruction) {
    instructions.push_back(instruction);
    return int(instructions.size());
  }
};

}  // namespace crc::nn
