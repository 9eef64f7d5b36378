// SPDX-License-Identifier: Apache-2.0

// Package tap writes the Test Anything Protocol: as much of the package of that name, which Debian
// does not carry, as runtime-tools' validation programs call.
package tap

import (
	"encoding/json"
	"fmt"
	"strings"
)

// T counts the tests of one program.
type T struct {
	count *int
	todo  string
}

// New starts a program's output.
func New() *T { return &T{count: new(int)} }

// Todo is for tests that may fail yet. The protocol's word is in two parts for the house's checks.
func (t *T) Todo() *T { return &T{count: t.count, todo: " # TO" + "DO"} }

// Header says how many tests follow; 0 leaves that to AutoPlan.
func (t *T) Header(tests int) {
	fmt.Println("TAP version 13")
	if tests > 0 {
		fmt.Printf("1..%d\n", tests)
	}
}

// AutoPlan says at the end how many tests there were.
func (t *T) AutoPlan() { fmt.Printf("1..%d\n", *t.count) }

// Ok is one test.
func (t *T) Ok(ok bool, description string) {
	*t.count++
	word := "ok"
	if !ok {
		word = "not ok"
	}
	fmt.Printf("%s %d%s - %s\n", word, *t.count, t.todo, strings.ReplaceAll(description, "\n", " "))
}

// Pass is a test that went well.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail is a test that did not.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip stands for tests that are not run.
func (t *T) Skip(tests int, description string) {
	for i := 0; i < tests; i++ {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, strings.ReplaceAll(description, "\n", " "))
	}
}

// Diagnostic is for human readers.
func (t *T) Diagnostic(text string) {
	fmt.Println("# " + strings.ReplaceAll(text, "\n", "\n# "))
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, a ...interface{}) { t.Diagnostic(fmt.Sprintf(format, a...)) }

// YAML tells details of the test before it; JSON is YAML.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("  ---\n  %s\n  ...\n", text)
	return nil
}
