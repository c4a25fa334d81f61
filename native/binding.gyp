# Lives here and not at the repository's root: npm rebuilds every package that has a root binding.gyp
# when a consumer installs it. `npm run build:native` builds it; `-- -Dsanitize=1` adds ASAN and UBSAN
# (`asan` is a variable of Node's own common.gypi).
{
  'variables': {
    'sanitize%': 0,
  },
  'targets': [
    {
      'target_name': 'udp_dsr',
      'conditions': [
        ['OS=="linux"', {
          'sources': ['<!@(node -p "require(\'fs\').readdirSync(\'src\').filter((f) => f.endsWith(\'.cc\')).map((f) => \'src/\' + f).sort().join(\' \')")'],
          'include_dirs': ['src'],
          'defines': [
            'NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', '_GNU_SOURCE',
            # A worker that is being terminated can throw no more: then a call returns nothing, and the process lives.
            'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
          ],
          # Foreign headers are system headers: our warnings are not meant for them. Relative to native/build/.
          'cflags': [
            '-isystem', '../<!(node -p "require(\'node-addon-api\').include_dir")',
            '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers', '-fvisibility=hidden',
          ],
          'cflags!': ['-Wno-unused-parameter'],
          'cflags_cc': ['-std=c++20', '-fvisibility-inlines-hidden'],
          'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
          'ldflags': ['-Wl,-z,noexecstack', '-Wl,-z,relro,-z,now'],
          'configurations': {
            'Release': { 'cflags': ['-O3'] },
          },
          'conditions': [
            ['sanitize==1', {
              'cflags': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g'],
              'ldflags': ['-fsanitize=address,undefined'],
            }, {
              # The C++ runtime goes into the addon, so that a prebuilt binary needs libc and libm only.
              'sources': ['compat/runtime.cc'],
              'ldflags': ['-static-libstdc++', '-static-libgcc', '-Wl,--version-script=../compat/exports.map'],
            }],
          ],
        }, {
          # The library is Linux-only; elsewhere it can be imported, and opening a socket throws.
          'type': 'none',
        }],
      ],
    },
  ],
}
