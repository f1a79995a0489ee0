//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the operations that NVVM lacks as inline PTX, the last step before
// LLVM. The emulator takes them as they are instead.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/KernelDialect.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

namespace fulgur {
#define GEN_PASS_DEF_CONVERTKERNELTOPTXPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

namespace {
/// One asm statement: its accumulators are read and written in place, which
/// ties the values before it to those after.
class AsmWriter {
public:
  AsmWriter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// All elements of `vector` as operands that become the elements of a result;
  /// `{$0, $1, …}`.
  std::string tie(Value vector);
  /// `value` as an operand; `$n`. All ties come first.
  std::string add(Value value, StringRef constraint);
  /// The values of the ties after `text`.
  SmallVector<Value> create(const Twine &text);

private:
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                    builder.getI32IntegerAttr(value));
  }

  OpBuilder &builder;
  Location loc;
  SmallVector<VectorType> tied;
  SmallVector<Value> elements, others;
  SmallVector<std::string> constraints;
};

struct ConvertKernelToPTXPass final
    : fulgur::impl::ConvertKernelToPTXPassBase<ConvertKernelToPTXPass> {
  void runOnOperation() final;
};
} // namespace

std::string AsmWriter::tie(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  tied.push_back(type);
  std::string names;
  for (int64_t j = 0; j < type.getNumElements(); ++j) {
    names += (j ? ", $" : "$") + std::to_string(elements.size());
    elements.push_back(
        LLVM::ExtractElementOp::create(builder, loc, vector, constant(j)));
  }
  return "{" + names + "}";
}

std::string AsmWriter::add(Value value, StringRef constraint) {
  others.push_back(value);
  constraints.push_back(constraint.str());
  return "$" + std::to_string(2 * elements.size() + others.size() - 1);
}

SmallVector<Value> AsmWriter::create(const Twine &text) {
  SmallVector<std::string> all(elements.size(), "=f");
  for (size_t j = 0; j < elements.size(); ++j)
    all.push_back(std::to_string(j));
  llvm::append_range(all, constraints);
  SmallVector<Value> operands(elements);
  llvm::append_range(operands, others);
  SmallVector<Type> types(elements.size(), builder.getF32Type());
  auto result = LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
  Value values =
      LLVM::InlineAsmOp::create(
          builder, loc, result, operands, text.str(), llvm::join(all, ","),
          /*has_side_effects=*/true, /*is_align_stack=*/false,
          LLVM::TailCallKind::None,
          LLVM::AsmDialectAttr::get(builder.getContext(),
                                    LLVM::AsmDialect::AD_ATT),
          ArrayAttr())
          .getResult(0);
  SmallVector<Value> vectors;
  int64_t at = 0;
  for (VectorType type : tied) {
    Value vector = LLVM::PoisonOp::create(builder, loc, type);
    for (int64_t j = 0; j < type.getNumElements(); ++j)
      vector = LLVM::InsertElementOp::create(
          builder, loc, vector,
          LLVM::ExtractValueOp::create(builder, loc, values, at++),
          constant(j));
    vectors.push_back(vector);
  }
  return vectors;
}

static StringRef getPTXType(Type element) {
  if (isa<BFloat16Type>(element))
    return "bf16";
  return isa<Float16Type>(element) ? "f16" : "e4m3";
}

static SmallVector<Value> convert(WgmmaIssueOp op, OpBuilder &builder) {
  Location loc = op.getLoc();
  AsmWriter writer(builder, loc);
  std::string d = writer.tie(op.getAccumulator());
  std::string a;
  bool fromShared = op.getA().getType().isInteger(64);
  if (fromShared) {
    a = writer.add(op.getA(), "l");
  } else {
    for (int64_t j = 0; j < 4; ++j) {
      Value index = LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                             builder.getI32IntegerAttr(j));
      a += (j ? ", " : "{") + writer.add(LLVM::ExtractElementOp::create(
                                             builder, loc, op.getA(), index),
                                         "r");
    }
    a += "}";
  }
  std::string b = writer.add(op.getB(), "l");
  APInt known;
  std::string scale = "1";
  if (Value scaleD = op.getScaleD()) {
    if (matchPattern(scaleD, m_ConstantInt(&known)))
      scale = known.isZero() ? "0" : "1";
    else
      scale = writer.add(
          LLVM::ZExtOp::create(builder, loc, builder.getI32Type(), scaleD),
          "r");
  }
  bool is16Bit = op.getElement().getIntOrFloatBitWidth() == 16;
  std::string transposes;
  if (is16Bit)
    transposes = std::string(fromShared ? ", 0" : "") +
                 (op.getTransposeB() ? ", 1" : ", 0");
  StringRef type = getPTXType(op.getElement());
  return writer.create("{\n.reg .pred p;\nsetp.ne.b32 p, " + scale +
                       ", 0;\nwgmma.mma_async.sync.aligned.m64n" +
                       Twine(op.getN()) + "k" + Twine(op.getK()) + ".f32." +
                       type + "." + type + " " + d + ", " + a + ", " + b +
                       ", p, 1, 1" + transposes + ";\n}");
}

static SmallVector<Value> convert(WgmmaWaitOp op, OpBuilder &builder) {
  if (op.getAccumulators().empty()) {
    NVVM::WgmmaWaitGroupSyncOp::create(builder, op.getLoc(), op.getPending());
    return {};
  }
  AsmWriter writer(builder, op.getLoc());
  for (Value accumulator : op.getAccumulators())
    writer.tie(accumulator);
  return writer.create("wgmma.wait_group.sync.aligned " +
                       Twine(op.getPending()) + ";");
}

static SmallVector<Value> convert(PinOp op, OpBuilder &builder) {
  return {LLVM::InlineAsmOp::create(
              builder, op.getLoc(), op.getType(), op.getValue(), "", "=r,0",
              /*has_side_effects=*/true, /*is_align_stack=*/false,
              LLVM::TailCallKind::None,
              LLVM::AsmDialectAttr::get(builder.getContext(),
                                        LLVM::AsmDialect::AD_ATT),
              ArrayAttr())
              .getResult(0)};
}

void ConvertKernelToPTXPass::runOnOperation() {
  for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>()) {
    kernels.walk([](Operation *op) {
      OpBuilder builder(op);
      auto replace = [&](auto typed) {
        op->replaceAllUsesWith(convert(typed, builder));
        op->erase();
      };
      llvm::TypeSwitch<Operation *, void>(op)
          .Case<WgmmaIssueOp, WgmmaWaitOp, PinOp>(replace);
    });
  }
}
