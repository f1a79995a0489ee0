// The stage 'fuse' as a flag, with the fusions that run.
// RUN: fulgur-opt %s --fulgur-fuse-pipeline --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: fulgur-opt %s --fulgur-fuse-pipeline="only=fuse-index-select" --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: fulgur-opt %s --fulgur-fuse-pipeline="disable=fuse-index-select" --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fulgur-opt %s --fulgur-fuse-pipeline="disable=fuse-indexselect" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// ALL: fulgur-fuse-index-select
// NONE-NOT: fulgur-fuse-index-select
// NONE: fulgur-decompose
// UNKNOWN: there is no fusion 'fuse-indexselect'; the nearest name is 'fuse-index-select'
