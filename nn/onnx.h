// ONNX (onnx.ai, opset 13): a network's evaluation pass as a file that other programs run, with what its input needs.
// Input `images`, uint8 [N,H,W,3] in RGB as they are decoded; the graph normalises them. Of embeddings `rows`, fp32
// [N,D] as in their file; the graph scales them. Outputs `logits` [N,C], before any softmax, and `features` [N,D], the
// last layer's input. N is free. All arithmetic of the network is fp32.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/ops/normalize.h"
#include "nn/net.h"
#include "nn/safetensors.h"

namespace crc::nn {

// What the graph does before the network. Of rows if `features` is not 0.
struct OnnxInput {
  int64_t height = 0, width = 0;  // 0: any
  NormalizeConfig normalize = {};
  int64_t features = 0;
  std::vector<double> mean = {}, factor = {};  // [D], in fp64: (x - mean) * factor; empty: as they are
  bool unit = false;                           // rows get the length sqrt(D); a row of zeros stays one
};

// `weights`: all of the net's, as export_weights gives them under kekmodel's names. The file's bytes; the metadata are
// its properties. Error usage: more than the 2 GiB that the format can hold.
std::string encode_onnx(const Net& net, const TensorFile& weights, const OnnxInput& input,
                        const std::map<std::string, std::string>& metadata);

}  // namespace crc::nn
