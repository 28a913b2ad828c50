// Batch normalisation followed by LeakyReLU, over all but the last dimension (Ioffe & Szegedy 2015, Algorithm 1):
//   z = gamma * (x - mean) * inv_std + beta + offset,   y = z > 0 ? z : slope * z,   inv_std = 1/sqrt(var + eps)
// mean and var are the batch's (biased variance) in Mode::train and train_frozen_stats, the running ones in eval.
// Mode::train also moves the running ones as PyTorch does: r <- (1-momentum)*r + momentum*batch, variance unbiased.
// x, y, dx, dy [N,H,W,C] (fp32 or bf16; the math is fp32, sums of partial sums fp64); gamma, beta, running_* [C] fp32.
// saved [2,C] receives mean and inv_std: the backward pass needs it, in every mode.
// Backward: dx = ; dgamma += ; dbeta += ; in Mode::eval the statistics are constants.
// y may alias x in Mode::eval; dx may alias dy. Class: reduce. `offset` is the "+0.1" of the early reference code.
#pragma once

#include "kernels/core/mode.h"
#include "kernels/core/op.h"

namespace crc {

struct BatchNormConfig {
  float momentum = 0.001f;
  float eps = 1e-5f;
  float slope = 0.1f;
  float offset = 0.0f;
};

CRC_OP(void, batchnorm_act,
       (View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
        View<const float, 4> x, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
        Mode mode))
CRC_OP(void, batchnorm_act_backward,
       (View<float, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const float, 4> dy, View<const float, 4> x,
        View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
        Mode mode))
// Only the statistics: fills saved and, in Mode::train, moves the running ones. For a layer whose output is not used.
CRC_OP(void, batchnorm_stats,
       (View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<const float, 4> x,
        BatchNormConfig config, Mode mode))
CRC_OP_BF16(void, batchnorm_act,
            (View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
             View<const bf16, 4> x, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
             Mode mode))
CRC_OP_BF16(void, batchnorm_act_backward,
            (View<bf16, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const bf16, 4> dy,
             View<const bf16, 4> x, View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
             BatchNormConfig config, Mode mode))
CRC_OP_BF16(void, batchnorm_stats,
            (View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<const bf16, 4> x,
             BatchNormConfig config, Mode mode))

}  // namespace crc
