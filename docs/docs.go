// Package docs embeds the parts of the documentation that nslab prints.
package docs

import _ "embed"

// Schema is the JSON schema (draft-07) of lab files.
//
//go:embed nslab.schema.json
var Schema []byte
