//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table of fusions. What changes the signature comes first: all others work
// on what it leaves. Selection is next: what it removes no other fusion has to
// look at. Forms are chosen when it is known what they work on. The columns of
// projections are moved while each is on its own. Projections are merged behind
// that: choosing a form can take one apart. A product that is left alone can
// take a residual; a sum that no product takes is left to its norm. Layers
// become functions last: all others see them whole.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Fusions.h"
#include "passes/Fuse/Passes.h"

using namespace fulgur;

static const FusionInfo fusions[] = {
    {"latent-cache",
     "caches of all heads' keys and values hold their latent instead",
     [](bool) { return createLatentCachePass(); }, /*optIn=*/true},
    {"skip-selection",
     "attention to all tokens where a selection takes them all",
     [](bool) { return createSkipSelectionPass(); }},
    {"fuse-index-select", "lightning indexer + top-k without the scores",
     [](bool) { return createFuseIndexSelectPass(); }},
    {"fuse-experts", "dispatch + experts + combine without a row for each pair",
     [](bool isGPU) { return createFuseExpertsPass({isGPU}); }},
    {"fold-rotary-permutation", "rotary pairs moved apart in the weights",
     [](bool) { return createFoldRotaryPermutationPass(); }},
    {"merge-projections", "projections of the same rows as one product",
     [](bool) { return createMergeProjectionsPass(); },
     /*optIn=*/false, /*needsPacking=*/true},
    {"fuse-residual", "residual sums in the products that they add",
     [](bool) { return createFuseResidualPass(); }},
    {"fuse-add-norm", "residual sum + norm in one operation",
     [](bool) { return createFuseAddNormPass(); }},
    {"update-caches-in-place", "caches that grow where they are",
     [](bool) { return createUpdateCachesInPlacePass(); }},
    {"choose-sparse-attention", "selected tokens gathered or others masked",
     [](bool) { return createChooseSparseAttentionPass(); }},
    {"choose-latent-form", "latent attention expanded or absorbed, by cost",
     [](bool) { return createChooseLatentFormPass(); }},
    {"outline-layers", "equal layers call one function",
     [](bool) { return createOutlineLayersPass(); }},
};

llvm::ArrayRef<FusionInfo> fulgur::getFusions() { return fusions; }
