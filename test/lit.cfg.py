"""How lit runs Fulgur's tests: test/ mirrors the source tree, path for path."""
import os

import lit.formats

config.name = "Fulgur"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fulgur_build_dir, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.fulgur_build_dir, "bin"), config.llvm_tools_dir,
     os.path.dirname(config.python), config.environment["PATH"]])
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%build", config.fulgur_build_dir))
config.substitutions.append(("%root", config.fulgur_source_dir))
config.substitutions.append(("%models", os.path.join(config.fulgur_source_dir, "models")))
config.substitutions.append(("%mlir_include", os.path.join(os.path.dirname(config.llvm_tools_dir), "include")))
