// RUN: not fulgur-opt %s --fulgur-set-dims='dims=heads=2' 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not fulgur-opt %s --fulgur-set-dims='dims=seq' 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: not fulgur-opt %s --fulgur-set-dims='dims=seq=4..x' 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not fulgur-opt %s --fulgur-set-dims='dims=seq=4..2' 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not fulgur-opt %s --fulgur-set-dims='dims=seq=-1' 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not fulgur-opt %s --fulgur-set-dims='dims=seq=2,seq=3' 2>&1 | FileCheck %s --check-prefix=TWICE

// UNKNOWN: error: expected a dimension of the model (batch, seq), but got 'heads'
// SYNTAX: error: expected a dimension as name=N or name=MIN..MAX, but got 'seq'
// NUMBER: error: expected a dimension as name=N or name=MIN..MAX, but got 'seq=4..x'
// ORDER: error: expected bounds of dimension 'seq' to be positive and in order, but got 4 and 2
// NEGATIVE: error: expected bounds of dimension 'seq' to be positive and in order, but got -1 and -1
// TWICE: error: expected each dimension to be given once, but got 'seq' twice
func.func @main(%x: tensor<?x?xf32> {fulgur.dims = ["batch", "seq"]}) {
  return
}
