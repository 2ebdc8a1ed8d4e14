// Package data is the data layer of a service: models from Go structs, with their
// validation, their JSON and their tables.
//
//	type User struct {
//		_         data.Table `data:"users"`
//		ID        string     `data:"id,key"`
//		Email     string     `data:"email,required,unique,max=200,pattern=email"`
//		Age       *int       `data:"age,min=0,max=150"`
//		Role      string     `data:"role,enum=admin|member,default=member"`
//		CreatedAt time.Time  `data:"created_at,created"`
//	}
//
//	var users = data.Define(data.Options[User]{})
//
// What a struct says is read once, when its model is defined; a mistake in it is a
// panic that names the field. Rows are read, written and checked by the places of their
// fields in memory, without reflection.
package data
