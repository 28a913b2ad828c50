// What a network is shown of items as they are: normalised images, or the first view of embeddings.
#pragma once

#include "kernels/ops/normalize.h"
#include "nn/net.h"
#include "ssl/image_set.h"

namespace crc::ssl {

// Room for n of them in the net's precision, from the context's scratch memory.
nn::Activations take_inputs(Context& context, const nn::Net& net, const ImageSet& images, int64_t n);

// The items [begin,end), or `ids` [B], in x [B,H,W,channels].
void show(Context& context, const nn::Activations& x, const ImageSet& images, int64_t begin, int64_t end,
          const NormalizeConfig& normalize);
void show(Context& context, const nn::Activations& x, const ImageSet& images, View<const int64_t, 1> ids,
          const NormalizeConfig& normalize);

// Embeddings of a batch as a matrix [B,D].
View<float, 2> as_rows(const nn::Activations& x);

}  // namespace crc::ssl
