;; Looks for the first place where a body is not canonical already, sixteen octets at a time.
;; The JavaScript around it (scan.ts) puts the octets into the memory and reads on from the answer.
(module
  ;; One block of 64 KiB and room for the last load to run over its end.
  (memory (export "memory") 2)

  ;; Returns an offset from $from up to $to, before which every octet stands as canonicalisation leaves it:
  ;;   each LF follows a CR and each CR is followed by a LF;
  ;;   and, where $relaxed is all ones and not 0: there is no TAB, and no SP before a SP or a CR.
  ;; The octet before $from is taken as content. The answer is the start of the group of sixteen that holds
  ;; the first other octet, or $to.
  (func (export "canonicalUpTo") (param $from i32) (param $to i32) (param $relaxed i32) (result i32)
    (local $octets v128) (local $group v128) (local $before v128) (local $whiteSpace v128)
    (local.set $whiteSpace (i8x16.splat (local.get $relaxed)))
    (block $found
      (loop $next
        (br_if $found (i32.ge_u (local.get $from) (local.get $to)))
        (local.set $octets (v128.load (local.get $from)))
        ;; Each octet's predecessor in the same lane. At the start $group is 0, so the predecessor is NUL, which is content.
        (local.set $before
          (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 (local.get $group) (local.get $octets)))
        (br_if $found
          (v128.any_true
            (v128.or
              ;; LF exactly where the predecessor is CR.
              (v128.xor
                (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 10)))
                (i8x16.eq (local.get $before) (i8x16.splat (i32.const 13))))
              (v128.and
                (local.get $whiteSpace)
                (v128.or
                  (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 9)))
                  (v128.and
                    (i8x16.eq (local.get $before) (i8x16.splat (i32.const 32)))
                    (v128.or
                      (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 32)))
                      (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 13))))))))))
        (local.set $group (local.get $octets))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next)))
    (select (local.get $from) (local.get $to) (i32.lt_u (local.get $from) (local.get $to)))))
