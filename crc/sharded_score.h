// Scores of candidate groups of a pool in several processes. Each group is scored in one of them: where one of its
// members lies, each in turn. The rows of the others are delivered, every one of a partition once; the scores go to
// all. Groups of one item are scored where they lie. Rows come block by block, so that memory is the same for any pool.
#pragma once

#include "crc/score.h"
#include "crc/sharded_rows.h"

namespace crc::select {

// As make_scorer: the same bits. Both it and what it returns are collective. All must outlive it.
Scorer make_sharded_scorer(Solver solver, Context& context, const LastLayerNtk& ntk, const ShardedRows& features,
                           Items labeled, Items unlabeled);

// As smallest_eigenvalue. Collective.
Achieved smallest_eigenvalue(Context& context, const LastLayerNtk& ntk, const ShardedRows& features, Items labeled,
                             Items picks);

}  // namespace crc::select
