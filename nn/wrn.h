// Wide residual networks (Zagoruyko & Komodakis 2016) as the semi-supervised reference codes build them: WRN-d-k with
// three wirings that all go by the same name. The wiring is part of the architecture, not of a file.
#pragma once

#include "kernels/core/choice.h"
#include "kernels/core/dtype.h"
#include "kernels/ops/batchnorm_act.h"
#include "nn/net.h"

namespace crc::nn {

// First unit of stages 2 and 3 (reference: kekmodel, LeeDoYup, perrying; the first unit of stage 1 is `activated` in
// all).
CRC_CHOICE(Wiring,
           raw_x,       // kekmodel, TorchSSL: conv1 and shortcut read x, bn1 is computed and thrown away
           shared_act,  // LeeDoYup, USB: both read act(bn1(x))
           preact)      // perrying, Oliver, Google: conv1 reads act(bn1(x)), the shortcut reads x

CRC_CHOICE(ConvBias, none, stem, all)

struct WrnConfig {
  int64_t depth = 28;  // 6n + 4
  int64_t width = 2;
  int64_t classes = 10;
  Wiring wiring = Wiring::raw_x;
  int64_t base_channels = 16;  // of the stem; stages have 1, 2, 4 times base*width
  int64_t first_stride = 1;    // of stage 1; stages 2 and 3 have stride 2
  BatchNormConfig norm = {};
  ConvBias conv_bias = ConvBias::none;
  Init head_init = Init::xavier_normal;
  bool decay_head_bias = false;  // LeeDoYup decays it
  Dtype precision = Dtype::f32;  // f32, or bf16 where Context::has_bf16()
  bool tf32 = false;             // f32 on CUDA: allow tf32 convolutions
  bool tf32x3 = false;           // else: what is scored; convolutions may be three tf32 products of fp32's accuracy
  int64_t projection = 0;        // size of a projection head (nn/projection.h); 0: none
};

// Error config if depth is not 6n+4 or an extent is not positive.
std::unique_ptr<Net> make_wrn(const WrnConfig& config);

}  // namespace crc::nn
