//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers the `fulgur` dialect.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/Format.h"
#include <cstdlib>

#include "dialects/Fulgur/IR/FulgurDialect.cpp.inc"
#include "dialects/Fulgur/IR/FulgurEnums.cpp.inc"
#include "dialects/Fulgur/IR/FulgurInterfaces.cpp.inc"

void fulgur::FulgurDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Fulgur/IR/FulgurOps.cpp.inc"
      >();
}

using namespace mlir;

/// Plain integers read better than `4096 : i64`.
static ParseResult parseOffset(OpAsmParser &parser, IntegerAttr &offset) {
  int64_t value = 0;
  if (parser.parseInteger(value))
    return failure();
  offset = parser.getBuilder().getI64IntegerAttr(value);
  return success();
}
static void printOffset(OpAsmPrinter &printer, Operation *,
                        IntegerAttr offset) {
  printer << offset.getInt();
}

/// The result has the type of `init` on tensors, and is absent on memrefs.
static ParseResult parseInitAndResult(OpAsmParser &parser, Type &init,
                                      SmallVectorImpl<Type> &results) {
  if (parser.parseType(init))
    return failure();
  if (isa<RankedTensorType>(init))
    results.push_back(init);
  return success();
}

static void printInitAndResult(OpAsmPrinter &printer, Operation *, Type init,
                               TypeRange) {
  printer << init;
}

/// One operand, or several in brackets, and their types likewise.
static ParseResult
parseOneOrList(OpAsmParser &parser,
               SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands) {
  if (succeeded(parser.parseOptionalLSquare()))
    return failure(parser.parseOperandList(operands) || parser.parseRSquare());
  return parser.parseOperand(operands.emplace_back());
}
static void printOneOrList(OpAsmPrinter &printer, Operation *,
                           OperandRange operands) {
  if (operands.size() == 1)
    printer << operands.front();
  else
    printer << "[" << operands << "]";
}
static ParseResult parseOneOrListTypes(OpAsmParser &parser,
                                       SmallVectorImpl<Type> &types) {
  if (succeeded(parser.parseOptionalLSquare()))
    return failure(parser.parseTypeList(types) || parser.parseRSquare());
  return parser.parseType(types.emplace_back());
}
static void printOneOrListTypes(OpAsmPrinter &printer, Operation *,
                                TypeRange types) {
  if (types.size() == 1)
    printer << types.front();
  else
    printer << "[" << types << "]";
}

/// Floats in the shortest form that reads back to the same value:
/// `1.0e-06`, not `9.9999999999999995E-7`.
static ParseResult parseReal(OpAsmParser &parser, FloatAttr &attr) {
  double value = 0;
  if (parser.parseFloat(value))
    return failure();
  attr = parser.getBuilder().getF64FloatAttr(value);
  return success();
}
static void printReal(OpAsmPrinter &printer, Operation *op, FloatAttr attr) {
  double value = attr.getValueAsDouble();
  for (int digits = 1; digits <= 17; ++digits) {
    SmallString<32> text;
    llvm::raw_svector_ostream(text) << llvm::format("%.*e", digits, value);
    if (std::strtod(text.c_str(), nullptr) == value) {
      printer << text;
      return;
    }
  }
  printer.printAttributeWithoutType(attr);
}

/// Results are called by `names`, which blanks separate.
static void nameResults(Operation *op, StringRef names,
                        OpAsmSetValueNameFn setName) {
  for (Value result : op->getResults()) {
    auto [name, rest] = names.split(' ');
    setName(result, name);
    names = rest;
  }
}

#define GET_OP_CLASSES
#include "dialects/Fulgur/IR/FulgurOps.cpp.inc"
