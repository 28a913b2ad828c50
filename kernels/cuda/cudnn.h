// Convolution with cuDNN 9, behind plain types: this header and ConvProblem are all that the ops see of it.
//
// Plans are made at the first call with a (pass, problem) and kept; that call must not be under graph capture. Later
// calls neither allocate nor synchronise and can be captured. Engines whose bits vary from run to run, Winograd and FFT
// are refused; so is everything that rounds fp32 inputs or sums, unless the problem allows tf32.
//
// Of the first few engines that cuDNN's heuristics advise, the gate takes the fastest (kernels/core/gate.h); in the plain
// tier it is the first that does not convert whole activations.
#pragma once

#include <functional>

#include "kernels/core/conv_problem.h"

namespace crc {

class Cuda;

// Now, instead of at the first call. Error device_unavailable: cuDNN is missing, too old for the device, or refuses it.
void open_cudnn(Cuda& cuda);

// problem.dtype is f32 or bf16, and the type of all three arrays; out is overwritten and 16-byte aligned.
// Errors: device_unavailable without libcudnn.so.9; internal if no engine computes this, with cuDNN's reason.
void cudnn_conv(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, void* out);

// out = convolution + plus in one kernel, if the gate finds that cuDNN fuses them right and faster; else false: out is
// for the caller to write. Both ways are timed as they would be used: `apart` writes the same into out in steps,
// `then` is what the fused way has to do besides. forward and backward_data; plus is of out's type and shape, and not
// out itself.
bool cudnn_conv_plus(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1,
                     const void* plus, void* out, const std::function<void()>& apart,
                     const std::function<void()>& then);

// cuDNN's number of the engine in the plan for these; -1 before their first cudnn_conv.
int64_t cudnn_engine(Cuda& cuda, ConvPass pass, const ConvProblem& problem);

}  // namespace crc
