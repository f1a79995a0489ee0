//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A plugin for tests: fusions that are wrong somewhere, and passes that crash.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Plugin.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Compiler/Diagnostics.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <csignal>

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral seen = "seen";

/// "Fuses" every norm, and the one at `node` wrongly.
static void rewriteNorm(RMSNormOp op, StringRef pass, StringRef node) {
  op->setDiscardableAttr(seen, UnitAttr::get(op.getContext()));
  if (getNodeName(op.getLoc()) == node)
    op.setEpsAttr(Builder(op.getContext()).getF64FloatAttr(1.0));
  remarkFused(op.getLoc(), pass, "the norm is seen", {});
}

namespace {
struct RewriteNorm final : OpRewritePattern<RMSNormOp> {
  RewriteNorm(MLIRContext *context, StringRef node)
      : OpRewritePattern(context), node(node) {}

  LogicalResult matchAndRewrite(RMSNormOp op,
                                PatternRewriter &rewriter) const final {
    if (op->hasAttr(seen))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { rewriteNorm(op, "wrong-eps", node); });
    return success();
  }

  StringRef node;
};

template <typename Pass>
struct FaultyPass : PassWrapper<Pass, OperationPass<ModuleOp>> {
  using Base = PassWrapper<Pass, OperationPass<ModuleOp>>;
  FaultyPass() = default;
  FaultyPass(const FaultyPass &other) : Base(other) {}
  StringRef getArgument() const final { return Pass::argument; }

  typename Base::template Option<std::string> node{
      *this, "node", llvm::cl::desc("the wrong one")};
};

/// By patterns.
struct WrongEps final : FaultyPass<WrongEps> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WrongEps)
  static constexpr StringLiteral argument = "wrong-eps";
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RewriteNorm>(&getContext(), this->node.getValue());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

/// By hand.
struct WrongWalk final : FaultyPass<WrongWalk> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WrongWalk)
  static constexpr StringLiteral argument = "wrong-walk";
  void runOnOperation() final {
    getOperation().walk([&](RMSNormOp op) {
      rewriteNorm(op, argument, this->node.getValue());
    });
  }
};

struct AbortPass final : FaultyPass<AbortPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AbortPass)
  static constexpr StringLiteral argument = "abort";
  void runOnOperation() final { std::abort(); }
};

struct SegfaultPass final : FaultyPass<SegfaultPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SegfaultPass)
  static constexpr StringLiteral argument = "segfault";
  void runOnOperation() final { std::raise(SIGSEGV); }
};

struct FailPass final : FaultyPass<FailPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FailPass)
  static constexpr StringLiteral argument = "fail";
  void runOnOperation() final { signalPassFailure(); }
};
} // namespace

FULGUR_PLUGIN("faulty-passes", [] {
  PassRegistration<WrongEps>();
  PassRegistration<WrongWalk>();
  PassRegistration<AbortPass>();
  PassRegistration<SegfaultPass>();
  PassRegistration<FailPass>();
})
