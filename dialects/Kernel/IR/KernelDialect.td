//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `kernel` dialect: what GPU kernels are built of, above NVVM.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_DIALECT_TD
#define KERNEL_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::fulgur::kernel";
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect"];
  let summary = "what GPU kernels are built of, above NVVM";
  let description = [{
    Operations of one thread of a `gpu.func`, for what `gpu` and `nvvm` lack or
    leave to the author: tiles of dynamic shared memory, tensor maps, pipelines
    whose stages and phases the operations keep, roles of warps, and the matrix
    instructions on tiles. Where an operation of `nvvm` on registers suffices it
    is used as it is: `nvvm.wgmma.fence.aligned`, `nvvm.wgmma.commit.group…`,
    `nvvm.cp.async.commit.group`, `nvvm.cp.async.wait.group`,
    `nvvm.cp.async.bulk.commit.group`, `nvvm.cp.async.bulk.wait_group`,
    `nvvm.fence.proxy`, `nvvm.fence.mbarrier.init`, `nvvm.barrier`,
    `nvvm.cluster.arrive`, `nvvm.cluster.wait`, `nvvm.elect.sync`,
    `nvvm.griddepcontrol`; and `gpu.shuffle` for warps.

    Tiles are memrefs of shared memory (`#gpu.address_space<workgroup>`), whose
    leading dimensions are stages and blocks. Fragments are `vector<NxT>`, in the
    order in which PTX numbers the registers of a thread.

    `--fulgur-convert-kernel-to-nvvm` leaves `nvvm`, `llvm` and the operations of
    LowLevelOps.td, which become PTX (`--fulgur-convert-kernel-to-ptx`) or calls
    of the emulator.

    Constraints are numbered `(C1)…` in the description, in the verifier and in
    `test/dialects/Kernel/…/invalid.mlir`. They hold what hardware punishes with
    wrong numbers or a hang. Rules come from the PTX ISA 8.6, by the name of the
    instruction.
  }];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

class Kernel_Type<string name, string typeMnemonic> : TypeDef<Kernel_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Kernel_MBarrierType : Kernel_Type<"MBarrier", "mbarrier"> {
  let summary = "the address of an mbarrier, 8 bytes of shared memory";
}

def Kernel_PipelineType : Kernel_Type<"Pipeline", "pipeline"> {
  let summary = "the barriers of a ring of stages between producers and consumers";
  let description = [{
    Two mbarriers for each of `stages`: *full* and *empty*. With `cluster` a stage
    is filled by multicasts of all blocks of the cluster, and so is empty when the
    consumers of all of them have released it.
  }];
  let parameters = (ins "int64_t":$stages, DefaultValuedParameter<"int64_t", "1">:$cluster);
  let assemblyFormat = "`<` $stages (`,` `cluster` `=` $cluster^)? `>`";
  let genVerifyDecl = 1;
}

def Kernel_PipelineStateType : Kernel_Type<"PipelineState", "pipeline_state"> {
  let summary = "the stage of a pipeline that a role is at, and its phase";
  let parameters = (ins "int64_t":$stages);
  let assemblyFormat = "`<` $stages `>`";
}

def Kernel_TensorMapType : Kernel_Type<"TensorMap", "tensor_map"> {
  let summary = "a tensor in global memory and the box that one copy moves";
  let description = [{
    `!kernel.tensor_map<128x64xbf16, 128>`: boxes of 128×64 elements (outermost
    size first), whose rows are swizzled within 128 bytes in shared memory.

    - (C1) 1 to 5 sizes, each 1 to 256.
    - (C2) A swizzle of 0 (none), 32, 64 or 128 bytes.
    - (C3) A row of a box is a multiple of 16 bytes, and not longer than the swizzle.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$box, "::mlir::Type":$element,
                        "int64_t":$swizzle);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes that one copy moves.
    int64_t getBytes() const;
    /// Bytes of a row of the box.
    int64_t getRowBytes() const;
  }];
}

def Kernel_TileElement : AnyTypeOf<[BF16, F16, F8E4M3FN, F32, I32, I8]>;

/// A memref in shared memory.
def Kernel_Tile : MemRefOf<[Kernel_TileElement]> {
  let predicate = And<[
    MemRefOf<[Kernel_TileElement]>.predicate,
    CPred<"::mlir::gpu::GPUDialect::hasWorkgroupMemoryAddressSpace("
          "::llvm::cast<::mlir::MemRefType>($_self))">]>;
  let summary = "memref in shared memory";
}

#endif // KERNEL_DIALECT_TD
