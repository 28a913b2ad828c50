// The choices of a configuration that are the programs' own. The others stand beside what they choose: nn/wrn.h,
// nn/weights_info.h, ssl/config.h, kernels/ops/draw_batch.h, kernels/augment/augment_batch.h, crc/acquisition.h, ...
#pragma once

#include "kernels/core/choice.h"

namespace crc::apps {

CRC_CHOICE(HeldOut, labeled, any)                                 // data.validation
CRC_CHOICE(Normalization, dataset, half)                          // data.normalize
CRC_CHOICE(Network, wrn, mlp, linear)                             // model.name
CRC_CHOICE(NetInit, kaiming_fan_out, kaiming_fan_out_torch_head)  // model.init
CRC_CHOICE(Protocol, realistic, pseudo_al)                        // acquisition.protocol
CRC_CHOICE(Calibration, none, validation, cross_validation)       // acquisition.calibrate
CRC_CHOICE(FirstLabels, random, model, given, leading)            // acquisition.first, or an acquisition's name
CRC_CHOICE(PoolFeatures, network, embeddings)                     // acquisition.features
CRC_CHOICE(StartUse, model, labels)                               // start.use

}  // namespace crc::apps
