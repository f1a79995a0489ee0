//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Descriptions of machines, good ones and bad ones.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Machine.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>

using namespace fulgur;

namespace {

constexpr llvm::StringLiteral good = R"({
  "name": "m", "source": "s", "cores": 2, "launch_seconds": 1e-6,
  "peak_flops": {"f32": 4e9, "bf16": 8e9},
  "memory": [{"name": "L2", "capacity_bytes": 10, "bytes_per_second": 7e9,
              "core_bytes_per_second": 4e9},
             {"name": "DRAM", "capacity_bytes": 100, "bytes_per_second": 2e9}]
})";

/// The error for `good` with `from` replaced by `to`.
std::string errorWith(llvm::StringRef from, llvm::StringRef to) {
  std::string text = good.str();
  size_t at = text.find(from.str());
  EXPECT_NE(at, std::string::npos) << from.str();
  text.replace(at, from.size(), to.str());
  llvm::Expected<Machine> machine = parseMachine(text);
  if (machine)
    return "";
  return llvm::toString(machine.takeError());
}

TEST(MachineTest, reads) {
  Machine machine = llvm::cantFail(parseMachine(good));
  EXPECT_EQ(machine.name, "m");
  EXPECT_EQ(machine.source, "s");
  EXPECT_EQ(machine.cores, 2);
  EXPECT_EQ(machine.launchSeconds, 1e-6);
  ASSERT_EQ(machine.memory.size(), 2u);
  EXPECT_EQ(machine.memory[0].capacity, 10);
  EXPECT_EQ(machine.memory[0].coreBandwidth, 4e9);
  EXPECT_EQ(machine.memory[1].coreBandwidth, 0);
  EXPECT_EQ(machine.getMainMemory().name, "DRAM");
  EXPECT_EQ(machine.getPeak(NumberType::BF16), 8e9);
  // There are no instructions for these: they are converted.
  EXPECT_EQ(machine.getPeak(NumberType::F8), 4e9);
  EXPECT_EQ(machine.getPeak(NumberType::F64), 4e9);
}

TEST(MachineTest, writesWhatItReads) {
  Machine machine = llvm::cantFail(parseMachine(good));
  std::string text = llvm::formatv("{0:2}", toJSON(machine));
  Machine again = llvm::cantFail(parseMachine(text));
  EXPECT_EQ(llvm::formatv("{0}", toJSON(again)).str(),
            llvm::formatv("{0}", toJSON(machine)).str());
  EXPECT_EQ(toJSON(again), llvm::cantFail(llvm::json::parse(good)));
}

TEST(MachineTest, saysWhatIsWrong) {
  EXPECT_EQ(errorWith("\"cores\": 2", "\"cores\": 2"), "");
  EXPECT_EQ(errorWith("\"cores\": 2", "\"cores\": 0"),
            "expected a positive number at machine.cores");
  EXPECT_EQ(errorWith("\"cores\": 2", "\"cores\": 1.5"),
            "expected a whole number at machine.cores");
  EXPECT_EQ(errorWith("\"cores\": 2, ", ""),
            "expected a positive number at machine.cores");
  EXPECT_EQ(errorWith("\"cores\"", "\"Cores\": 2, \"cores\""),
            "expected no such key at machine.Cores");
  EXPECT_EQ(errorWith("\"name\": \"m\"", "\"name\": 1"),
            "expected a text at machine.name");
  EXPECT_EQ(errorWith("4e9", "\"fast\""),
            "expected a positive number at machine.peak_flops.f32");
  EXPECT_EQ(errorWith("\"f32\": 4e9, ", ""),
            "expected a positive number at machine.peak_flops.f32");
  EXPECT_EQ(errorWith("\"bf16\"", "\"int3\""),
            "expected no such key at machine.peak_flops.int3");
  EXPECT_EQ(errorWith("100", "-1"),
            "expected a positive number at machine.memory[1].capacity_bytes");
  EXPECT_EQ(errorWith("1e-6", "0"),
            "expected a positive number at machine.launch_seconds");
  EXPECT_NE(errorWith("{", "["), "");
  EXPECT_EQ(llvm::toString(parseMachine("3").takeError()),
            "expected an object when parsing machine");
}

TEST(MachineTest, knowsMachines) {
  std::vector<std::string> names;
  for (const KnownMachine &known : getKnownMachines()) {
    llvm::Expected<Machine> machine = parseMachine(known.text);
    ASSERT_TRUE(static_cast<bool>(machine))
        << known.name.str() << ": " << llvm::toString(machine.takeError());
    EXPECT_EQ(machine->name, known.name);
    names.push_back(machine->name);
    // The nearer the faster.
    for (size_t i = 1; i < machine->memory.size(); ++i) {
      EXPECT_LT(machine->memory[i - 1].capacity, machine->memory[i].capacity);
      EXPECT_GT(machine->memory[i - 1].bandwidth, machine->memory[i].bandwidth);
    }
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"a100", "h100", "h200", "x86-64"}));
}

TEST(MachineTest, isAnAttributeOfTheModule) {
  mlir::MLIRContext context;
  mlir::OpBuilder b(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(b.getUnknownLoc());
  EXPECT_EQ(getMachine(*module)->name, defaultMachine);
  (*module)->setAttr(machineAttr, b.getStringAttr("h100"));
  EXPECT_EQ(getMachine(*module)->name, "h100");
  (*module)->setAttr(machineAttr, b.getStringAttr(good));
  EXPECT_EQ(getMachine(*module)->name, "m");

  std::string error;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          error = diagnostic.str();
                                          return mlir::success();
                                        });
  (*module)->setAttr(machineAttr, b.getStringAttr("{}"));
  EXPECT_TRUE(failed(getMachine(*module)));
  EXPECT_EQ(error, "expected 'fulgur.machine' to be a known machine or a "
                   "description, but: expected a text at machine.name");
  (*module)->setAttr(machineAttr, b.getI64IntegerAttr(1));
  EXPECT_TRUE(failed(getMachine(*module)));
  EXPECT_EQ(error, "expected 'fulgur.machine' to be a text, but got 1 : i64");
}

} // namespace
